"""What a session has to show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from msgspec.structs import replace
from structlog.testing import capture_logs

from callscribe.bus.local import LocalBus
from callscribe.engines.base import (
    Deaf,
    Listening,
    Reheard,
    Repaired,
    SpeechBegan,
    Unheard,
)
from callscribe.errors import UpstreamError
from callscribe.events import (
    CallStats,
    Event,
    FinalResult,
    Gap,
    GapRepaired,
    LegEnded,
    LegStarted,
    Notice,
)
from callscribe.ledger import Ledger
from callscribe.leg import Leg
from callscribe.past import Past
from callscribe.record import FIGURES, Record
from callscribe.store.base import StoredCall
from callscribe.transcript import Result, Word


class Seen(LocalBus):
    """A bus that notes what the transcript held when an event was told."""

    def __init__(self) -> None:
        super().__init__()
        self.record: Record
        self.held: list[str] = []
        self.all: list[Event] = []

    def publish(self, event: Event) -> None:
        self.held.append(self.record.transcript.text)
        self.all.append(event)
        super().publish(event)


@pytest.fixture
def bus() -> Seen:
    return Seen()


@pytest.fixture
def record(bus: Seen) -> Record:
    bus.record = Record("call", Ledger(bus, lambda: 1234.5), unsure_below={"fr": 0.7, "*": 0.0})
    return bus.record


@pytest.fixture
def leg(record: Record) -> Leg:  # noqa: ARG001 - a leg needs the record first
    leg = Leg("agent", sample_rate=8000, language="fr", engine="e", since=0, on_begin=print)
    leg.offset = 2.0
    return leg


def result(text: str, *, is_final: bool, end: float = 1.0) -> Result:
    return Result(text, 0.5, end, is_final, is_final, (Word(text, 0.5, end, 0.9),), 0.9, "fr", 80.0)


LEG: dict[str, Any] = {"sample_rate": 8000, "language": "fr", "engine": "e"}


def result_at(start: float, text: str) -> Result:
    words = (Word(text, start, start + 0.5, 0.9),)
    return Result(text, start, start + 0.5, True, True, words, 0.9, "fr")


def test_events_are_numbered_and_dated(record: Record, bus: Seen, leg: Leg) -> None:
    record.publish(Notice, code="c", message="m")
    record.hear(leg, SpeechBegan(0.5))
    record.hear(leg, result("oui", is_final=False))
    record.hear(leg, result("oui.", is_final=True))
    assert [event.seq for event in bus.all] == [1, 2, 3, 4, 5]
    assert [event.type for event in bus.all] == [
        "notice",
        "speech_started",
        "interim",
        "final",
        "call_stats",
    ]
    assert {event.at for event in bus.all} == {1234.5}
    ids = {event.to_dict().get("utterance_id") for event in bus.all[1:4]}
    assert ids == {"agent-1"}


def test_words_that_were_lost_are_said_on_the_call_clock(
    record: Record, bus: Seen, leg: Leg
) -> None:
    record.hear(leg, Unheard(0.5, 1.5, "the recogniser failed"))
    gap, stats, notice = bus.all
    assert isinstance(stats, CallStats)
    assert stats.stats["unheard_seconds"] == 1.0
    assert isinstance(gap, Gap)
    assert (gap.speaker, gap.start, gap.end) == ("agent", 2.5, 3.5)
    assert gap.reason == "the recogniser failed"
    assert isinstance(notice, Notice)
    assert (notice.code, notice.speaker) == ("words_lost", "agent")
    assert "from 2.5 to 3.5 s" in notice.message
    assert "the recogniser failed" in notice.message


def test_a_final_is_in_the_transcript_before_anyone_is_told(
    record: Record, bus: Seen, leg: Leg
) -> None:
    record.hear(leg, result("oui.", is_final=True))
    assert bus.held[0] == "oui."
    final = bus.all[0]
    assert isinstance(final, FinalResult)
    assert (final.start, final.end, final.words[0].start) == (2.5, 3.0, 2.5)
    assert (final.latency_ms, final.language, final.speech_final) == (80.0, "fr", True)


def test_a_retracted_interim_leaves_no_utterance(record: Record, bus: Seen, leg: Leg) -> None:
    record.hear(leg, result("hm", is_final=False))
    record.hear(leg, Result("", 0.5, 1.0, True, True))
    assert [event.type for event in bus.all] == ["interim", "final", "call_stats"]
    assert record.transcript.utterances == []


def test_a_fault_is_counted_and_ends_nothing(record: Record, leg: Leg) -> None:
    with capture_logs() as logs:
        record.hear(leg, None)  # type: ignore[arg-type]
    record.hear(leg, result("oui.", is_final=True))
    assert record.faults == 1
    assert logs[0]["event"] == "result_not_recorded"
    assert record.transcript.text == "oui."


def test_after_the_end_nothing_follows(record: Record, bus: Seen, leg: Leg) -> None:
    record.end()
    with capture_logs():
        record.hear(leg, result("late", is_final=True))
    assert bus.all[-1].type == "session_ended"
    assert record.faults == 1


def test_events_are_written_in_round_numbers(record: Record, bus: Seen, leg: Leg) -> None:
    leg.offset = 1 / 3
    words = (Word("un", 0.1, 0.39999998, 0.98765432), Word("deux", 2 / 3, 0.8, 0.1))
    for final in (False, True):
        record.hear(leg, Result("un deux", 0.1, 0.8, final, words=words, latency_ms=80.1))
        event = bus.all[-2 if final else -1]
        assert event.type == ("final" if final else "interim")
        assert json.loads(event.to_json()) == event.to_dict()
        assert '"end":1.133,' in event.to_json()


@pytest.mark.parametrize("ends", [False, True])
def test_what_was_heard_again_is_written_in_round_numbers_too(
    record: Record, bus: Seen, leg: Leg, ends: bool
) -> None:
    leg.offset = 1 / 3
    record.hear(leg, unsure(1.0, "bonjour madame", ends=ends))
    said = unsure(1.0, "bonjour monsieur")
    words = tuple(structs.replace(word, confidence=2 / 3) for word in said.words)
    record.hear(leg, Reheard(said.start, said.end, replace(said, words=words), "whisper"))
    final = next(e for e in reversed(bus.all) if isinstance(e, FinalResult))
    assert final.heard_again == "whisper"
    assert (final.start, final.confidence) == (1.333, 0.6667)
    assert {len(str(word.start)) for word in final.words} <= {3, 4, 5}


def test_speech_is_logged_at_debug_only(
    record: Record, leg: Leg, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "callscribe.record")
    with capture_logs() as logs:
        record.hear(leg, result("secret", is_final=True))
    assert {line["log_level"] for line in logs if "secret" in str(line)} == {"debug"}


SENTENCE = "la chaudière affiche le code douze depuis ce matin"


def leg_of(speaker: str) -> Leg:
    leg = Leg(speaker, sample_rate=8000, language="fr", engine="e", since=0, on_begin=print)
    leg.offset = 0.0
    return leg


def sentence(delay: float, confidence: float) -> Result:
    words = tuple(
        Word(text, 1 + delay + 0.3 * n, 1.25 + delay + 0.3 * n, confidence)
        for n, text in enumerate(SENTENCE.split())
    )
    start, end = words[0].start, words[-1].end
    return Result(SENTENCE, start, end, True, True, words, confidence, "fr", 80.0)


def test_figures_are_told_behind_an_utterance_and_now_and_then_in_a_long_one(
    bus: Seen, leg: Leg
) -> None:
    now = [100.0]
    record = Record("call", Ledger(bus, lambda: 1234.5), lambda: now[0])
    bus.record = record

    def words_told() -> list[int]:
        stats = [event.stats for event in bus.all if isinstance(event, CallStats)]
        return [one["speakers"]["agent"]["words"] for one in stats]

    def part(start: float, *, last: bool = False) -> Result:
        word = Word("oui", start, start + 0.5, 0.9)
        return Result("oui", start, start + 0.5, True, last, (word,), 0.9)

    record.hear(leg, part(0.0))
    assert words_told() == [1], "the first ones at once"
    now[0] += FIGURES - 1
    record.hear(leg, part(1.0))
    assert words_told() == [1]
    now[0] += 1.5
    record.hear(leg, Result("", 2.0, 2.0, is_final=False))
    assert words_told() == [1, 2], "also where nothing is said any more"
    now[0] += 0.5
    record.hear(leg, part(3.0, last=True))
    assert words_told() == [1, 2, 3]
    now[0] += 2 * FIGURES
    record.hear(leg, Result("", 4.0, 4.0, is_final=False))
    assert words_told() == [1, 2, 3], "nothing has changed"


def finals(bus: Seen) -> list[tuple[str, int, str]]:
    return [(e.utterance_id, e.revision, e.leak_of) for e in bus.all if isinstance(e, FinalResult)]


def test_what_is_heard_through_the_air_is_marked_and_shown_once(record: Record, bus: Seen) -> None:
    technician, agent = leg_of("technician"), leg_of("agent")
    record.hear(technician, sentence(0.0, 0.9))
    record.hear(agent, sentence(0.2, 0.5))
    assert finals(bus) == [("technician-1", 0, ""), ("agent-1", 0, "technician-1")]
    assert [u.speaker for u in record.transcript.utterances] == ["technician"]
    stats = next(e for e in reversed(bus.all) if isinstance(e, CallStats)).stats
    assert stats["speakers"]["agent"]["words"] == 0
    assert stats["speakers"]["technician"]["words"] == 9


def test_a_leak_that_came_first_is_taken_back_by_a_revision(record: Record, bus: Seen) -> None:
    technician, agent = leg_of("technician"), leg_of("agent")
    record.hear(agent, sentence(0.2, 0.5))
    assert [u.speaker for u in record.transcript.utterances] == ["agent"]
    record.hear(technician, sentence(0.0, 0.9))
    assert finals(bus) == [
        ("agent-1", 0, ""),
        ("technician-1", 0, ""),
        ("agent-1", 1, "technician-1"),
    ]
    assert [u.speaker for u in record.transcript.utterances] == ["technician"]


def test_exchanged_roles_keep_their_utterances_apart(record: Record, bus: Seen) -> None:
    technician, agent = leg_of("technician"), leg_of("agent")
    record.hear(technician, result("un", is_final=True))
    record.swap("technician", "agent")
    technician.speaker, agent.speaker = "agent", "technician"
    record.hear(technician, result("deux", is_final=True))
    record.hear(agent, result("trois", is_final=True))
    assert finals(bus) == [("technician-1", 0, ""), ("technician-2", 0, ""), ("agent-1", 0, "")]
    said = {u.text: u.speaker for u in record.transcript.utterances}
    assert said == {"un": "agent", "deux": "agent", "trois": "technician"}


def test_level_tells_which_leg_has_the_leak(record: Record, leg: Leg) -> None:
    """The technician's clock is late: by time alone the technician would be the copy."""
    other = Leg("technician", sample_rate=8000, language="fr", engine="e", since=0, on_begin=print)
    other.offset = 2.2
    rng = np.random.default_rng(1)
    voice = np.repeat(rng.uniform(0.1, 1.0, 400), 400) * rng.normal(size=160_000) * 3000
    own = voice[::-1].copy()
    own[32_000:] *= 0.1  # 4 s of the agent, then 16 s in which a leak is heard
    agent = own + np.where(np.arange(160_000) < 32_000, 0.0, voice * 0.15)
    for which, wave in ((leg, agent), (other, voice)):
        which.loudness.push(np.round(wave).astype("<i2").tobytes())

    def said(text: str, start: float) -> Result:
        words = tuple(
            Word(word, start + n * 0.3, start + n * 0.3 + 0.3, 0.9)
            for n, word in enumerate(text.split())
        )
        return Result(text, start, words[-1].end, True, True, words, 0.9, "fr", 80.0)

    record.hear(leg, said("Service technique bonjour je vous écoute", 0.5))
    record.hear(other, said("Bonjour c'est Thomas de Lyon", 1.0))
    for which in (leg, other):
        record.hear(which, said("La pression de l'eau est normale ce matin", 10.0))
    record.finish(leg)
    assert [u.utterance_id for u in record.transcript.utterances] == [
        "agent-1",
        "technician-1",
        "technician-2",
    ]


def test_a_gap_is_repaired_in_its_place(record: Record, bus: Seen, leg: Leg) -> None:
    record.publish(LegStarted, speaker="agent", offset=2.0, **LEG)
    record.hear(leg, replace(result("avant", is_final=True), speech_final=False))
    record.hear(leg, Unheard(1.0, 5.0, "nobody listened"))
    record.hear(leg, result_at(6.0, "après"))
    record.publish(LegEnded, speaker="agent", seconds=8.0)
    gap = next(event for event in bus.all if isinstance(event, Gap))
    assert [g.seq for g in record.transcript.gaps] == [gap.seq]
    assert record.talk.to_dict()["coverage_percent"] == 50.0
    assert record.talk.to_dict()["unheard_seconds"] == 4.0
    before = len(bus.all)
    record.hear(leg, Repaired(1.0, 5.0, (result_at(1.5, "au"), result_at(3.0, "milieu"))))
    one, _, two, _, repaired, stats = bus.all[before:]
    assert isinstance(one, FinalResult)
    assert isinstance(two, FinalResult)
    assert isinstance(repaired, GapRepaired)
    assert isinstance(stats, CallStats)
    assert (one.repairs, one.revision, one.start) == (gap.seq, 0, 3.5)
    assert repaired.of_seq == gap.seq
    assert (repaired.start, repaired.end) == (gap.start, gap.end)
    assert repaired.utterance_ids == (one.utterance_id, two.utterance_id)
    assert record.transcript.text == "avant\nau\nmilieu\naprès"
    assert record.transcript.gaps == []
    assert stats.stats["coverage_percent"] == 100.0
    assert stats.stats["unheard_seconds"] == 0.0
    record.hear(leg, result_at(7.0, "encore"))
    ids = [said.utterance_id for said in record.transcript.utterances]
    assert len(set(ids)) == 5
    assert record.faults == 0


def test_that_nobody_listens_is_said_and_who_does_again(
    record: Record, bus: Seen, leg: Leg
) -> None:
    error = UpstreamError("the key was revoked", code="deepgram_unauthorized", request_id="r1")
    record.hear(leg, Deaf(error))
    assert leg.engine == ""
    (notice,) = bus.all
    assert isinstance(notice, Notice)
    assert (notice.code, notice.cause) == ("engine_lost", "deepgram_unauthorized")
    assert notice.request_id == "r1"
    assert "the key was revoked. The call goes on" in notice.message
    record.hear(leg, Listening("deepgram"))
    assert leg.engine == "deepgram"


def test_what_is_left_of_a_gap_that_is_repaired_in_part_stays_one(
    record: Record, bus: Seen, leg: Leg
) -> None:
    record.publish(LegStarted, speaker="agent", offset=2.0, **LEG)
    record.hear(leg, Unheard(1.0, 9.0, "nobody listened"))
    record.publish(LegEnded, speaker="agent", seconds=10.0)
    (whole,) = record.transcript.gaps
    record.hear(leg, Repaired(4.0, 6.0, (result_at(4.5, "milieu"),)))
    repaired = next(event for event in bus.all if isinstance(event, GapRepaired))
    assert (repaired.of_seq, repaired.start, repaired.end) == (whole.seq, 6.0, 8.0)
    left = [(gap.start, gap.end, gap.reason) for gap in record.transcript.gaps]
    assert left == [(3.0, 6.0, "nobody listened"), (8.0, 11.0, "nobody listened")]
    assert record.talk.to_dict()["unheard_seconds"] == 6.0
    record.hear(leg, Repaired(1.0, 4.0, ()))
    record.hear(leg, Repaired(6.0, 9.0, (result_at(7.0, "fin"),)))
    assert record.transcript.gaps == []
    assert record.transcript.text == "milieu\nfin"
    assert record.talk.to_dict()["coverage_percent"] == 100.0
    assert record.faults == 0


def test_an_utterance_ends_where_a_gap_begins(record: Record, bus: Seen, leg: Leg) -> None:
    record.hear(leg, replace(result("avant", is_final=True), speech_final=False))
    record.hear(leg, Unheard(1.0, 5.0, "nobody listened"))
    ends = [event for event in bus.all if isinstance(event, FinalResult | Gap)]
    assert [event.speech_final for event in ends[:2]] == [False, True]  # type: ignore[union-attr]
    assert isinstance(ends[2], Gap)


def test_interims_go_on_behind_words_that_were_lost(record: Record, leg: Leg) -> None:
    record.hear(leg, result("oui", is_final=False))
    record.hear(leg, Unheard(0.5, 1.5, "the recogniser failed"))
    record.hear(leg, replace(result("", is_final=True), words=()))
    assert record.transcript.utterances == []
    assert record._builder("agent").utterance_id == "agent-2"


def test_a_repair_finds_its_gap_under_another_name(record: Record, bus: Seen, leg: Leg) -> None:
    record.hear(leg, Unheard(1.0, 5.0, "nobody listened"))
    record.swap("agent", "technician")
    leg.speaker = "technician"
    assert [gap.speaker for gap in record.transcript.gaps] == ["technician"]
    record.hear(leg, Repaired(1.0, 5.0, ()))
    repaired = next(event for event in bus.all if isinstance(event, GapRepaired))
    assert (repaired.speaker, repaired.utterance_ids) == ("technician", ())
    assert record.talk.to_dict()["unheard_seconds"] == 0.0


def voiced(start: float, *labels: str) -> Result:
    words = tuple(Word("oui", start + i, start + i + 0.5, 0.9, v) for i, v in enumerate(labels))
    return Result("oui", start, start + len(words), True, True, words)


def voices(record: Record) -> list[list[str | None]]:
    said = record.transcript.utterances
    return [[word.speaker_label for word in utterance.words] for utterance in said]


def test_voices_of_a_later_leg_are_not_those_of_the_one_before(record: Record) -> None:
    first, later, other = leg_of("agent"), leg_of("agent"), leg_of("technician")
    record.hear(first, voiced(0.0, "0", "1"))
    record.hear(later, voiced(4.0, "0", "1", "0"))
    record.hear(other, voiced(8.0, "0"))
    record.hear(later, Unheard(10.0, 12.0, "away"))
    record.hear(later, Repaired(10.0, 12.0, (voiced(10.5, "2"),)))
    assert voices(record) == [["0", "1"], ["2", "3", "2"], ["0"], ["4"]]
    assert record.faults == 0


def test_voices_behind_a_restart_are_new_ones(record: Record, bus: Seen) -> None:
    record.hear(leg_of("agent"), voiced(0.0, "0", "1"))
    record.swap("agent", "technician")
    call = StoredCall(session_id="call", state="running", started_at=0.0, last_at=9.0, last_seq=9)
    ledger = Ledger(bus, lambda: 1234.5)
    again = Record("call", ledger)
    again.take_up(Past(call, record.transcript, tuple(bus.all)))
    again.hear(leg_of("agent"), voiced(20.0, "0"))
    again.hear(leg_of("technician"), voiced(30.0, "0"))
    assert voices(again)[-2:] == [["0"], ["2"]]


def unsure(start: float, text: str, *, ends: bool = True) -> Result:
    said = result_at(start, text)
    words = tuple(structs.replace(word, confidence=0.6) for word in said.words)
    return replace(said, speech_final=ends, words=words, confidence=0.6)


def test_what_was_heard_again_is_a_revision_of_its_place(
    record: Record, bus: Seen, leg: Leg
) -> None:
    record.publish(LegStarted, speaker="agent", offset=2.0, **LEG)
    first = unsure(1.0, "bonjour Adam", ends=False)
    second = result_at(4.0, "un moment")
    for said in (first, second, result_at(8.0, "merci")):
        record.hear(leg, said)
    assert [u.unsure for u in record.transcript.utterances] == [True, False]
    again = replace(result_at(1.0, "bonjour madame"), confidence=0.9)
    record.hear(leg, Reheard(first.start, first.end, again, "whisper"))
    final = [event for event in bus.all if isinstance(event, FinalResult)][-1]
    assert (final.utterance_id, final.revision, final.heard_again) == ("agent-1", 1, "whisper")
    assert final.text == "bonjour madame un moment"
    assert final.unsure  # which part it was is not kept: the rest may be
    assert final.speech_final
    assert record.transcript.text == "bonjour madame un moment\nmerci"
    assert record.faults == 0


def test_what_is_heard_again_before_its_utterance_ends(record: Record, bus: Seen, leg: Leg) -> None:
    first = unsure(1.0, "bonjour Adam", ends=False)
    record.hear(leg, first)
    again = unsure(1.0, "bonjour madame")
    record.hear(leg, Reheard(first.start, first.end, again, "whisper"))
    record.hear(leg, result_at(4.0, "un moment"))
    finals = [event for event in bus.all if isinstance(event, FinalResult)]
    assert [(f.text, f.revision, f.speech_final, f.unsure) for f in finals] == [
        ("bonjour Adam", 0, False, True),
        ("bonjour madame", 0, False, True),
        ("bonjour madame un moment", 0, True, True),
    ]
    assert [f.heard_again for f in finals] == ["", "whisper", "whisper"]


def test_what_is_heard_again_of_what_is_not_there_any_more(
    record: Record, bus: Seen, leg: Leg
) -> None:
    before = len(bus.all)
    record.hear(leg, Reheard(1.0, 2.0, result_at(1.0, "rien"), "whisper"))
    assert len(bus.all) == before
    assert record.transcript.utterances == []
    assert record.faults == 0


def test_a_leak_does_not_come_back_when_it_is_heard_again(record: Record, bus: Seen) -> None:
    agent, technician = leg_of("agent"), leg_of("technician")
    record.hear(agent, sentence(0.0, 0.9))
    leak = sentence(0.2, 0.6)
    record.hear(technician, leak)
    assert [u.speaker for u in record.transcript.utterances] == ["agent"]
    before = len(bus.all)
    record.hear(technician, Reheard(leak.start, leak.end, leak, "whisper"))
    assert len(bus.all) == before


def test_what_a_repair_brings_may_be_unsure_and_heard_otherwise_than_asked(
    record: Record, bus: Seen, leg: Leg
) -> None:
    record.hear(leg, Unheard(1.0, 5.0, "nobody listened"))
    record.hear(leg, Repaired(1.0, 5.0, (unsure(1.5, "bonjour"),), "Nothing is redacted."))
    final = next(event for event in bus.all if isinstance(event, FinalResult))
    notice = [event for event in bus.all if isinstance(event, Notice)][-1]
    assert final.unsure
    assert notice.code == "repaired_by_stand_in"
    assert notice.message.endswith("Nothing is redacted.")


def test_languages_have_thresholds_of_their_own(record: Record, bus: Seen, leg: Leg) -> None:
    record.hear(leg, replace(unsure(1.0, "hello"), language="en"))
    record.hear(leg, replace(unsure(3.0, "bonjour"), language=None))
    finals = [event for event in bus.all if isinstance(event, FinalResult)]
    assert [final.unsure for final in finals] == [False, True]
