"""Generated schedules of audio, results, faults, repairs and time: all is written down once.

By a final, by one that repairs a gap, or by a gap that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from callscribe.bus.local import LocalBus
from callscribe.engines.base import Silent
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.core import HEAD
from callscribe.engines.resilient.rules import Patience
from callscribe.errors import CapacityError, EngineError
from callscribe.events import Event, FinalResult
from callscribe.ledger import Ledger
from callscribe.leg import Leg
from callscribe.record import Record
from callscribe.transcript import Result
from tests.engines.resilient.simulation import (
    FIRST,
    LENGTH,
    PERIOD,
    RATE,
    SECOND,
    Simulation,
    rung,
    simulation,
    words_between,
)

SILENT = EngineError("it answers nothing", retryable=True)


@pytest.fixture(autouse=True, scope="module")
def short_parts() -> Iterator[None]:
    """A gap is repaired in parts; the gaps of these schedules are shorter than those of calls.

    And somebody pauses for three words of twelve.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("callscribe.engines.resilient.repair.PART", 5.0)
        patch.setattr("tests.engines.resilient.simulation.UNSAID", frozenset({5, 10, 11}))
        yield


class Schedule:
    """Draws what happens next."""

    def __init__(self, data: st.DataObject, sim: Simulation) -> None:
        self.sim = sim
        self.draw = data.draw

    def step(self) -> None:
        sim = self.sim
        kinds = ["speak", "wait"]
        kinds += ["open", "refuse", "full"] if sim.asked else []
        kinds += ["repair"] if sim.repairs.deadline() is not None else []
        kinds += ["repaired", "not_repaired"] if sim.repair is not None else []
        kinds += ["final", "interim", "lose", "silent", "stranger"] if sim.lines else []
        kinds += ["doubt", "doubt"] if sim.lines else []
        kinds += ["answer", "no_answer"] if sim.finals_asked else []
        active = sim.core.active
        kinds += ["seek", "quiet"] if active is None or active.doubt else []
        kinds += [] if active is None else ["pauses"]
        getattr(self, f"_{self.draw(st.sampled_from(kinds))}")()
        sim.pass_time(0)

    def feed(self) -> None:
        """What happens to a connection that is late."""
        kinds = ["speak", "pauses", "pauses", "time", "time", "final", "interim"]
        kind = self.draw(st.sampled_from(kinds))
        if kind == "time":
            self.sim.pass_time(self.draw(st.floats(0.1, 2)))
        else:
            getattr(self, f"_{kind}")()

    def _speak(self) -> None:
        self.sim.speak(self.draw(st.integers(1, 3000)))

    def _wait(self) -> None:
        self.sim.pass_time(self.draw(st.floats(0.01, 8)))

    def _open(self) -> None:
        self.sim.open(self.draw(st.sampled_from(self.sim.asked)))

    def _refuse(self) -> None:
        line = self.draw(st.sampled_from(self.sim.asked))
        self.sim.fail(line, retryable=self.draw(st.integers(0, 9)) > 0)

    def _lose(self) -> None:
        line = self.draw(st.sampled_from(list(self.sim.lines)))
        self.sim.fail(line, retryable=self.draw(st.integers(0, 9)) > 0)

    def _result(self, *, is_final: bool) -> None:
        line = self.draw(st.sampled_from(list(self.sim.lines)))
        hearing = self.sim.lines[line]
        until = self.draw(st.integers(hearing.final_to, max(hearing.heard, hearing.final_to)))
        ends = is_final and self.draw(st.booleans())
        again = self.draw(st.sampled_from([0, 0, 250, 900, 5000]))
        # Nobody can be sure of more than was given.
        beyond = self.draw(st.sampled_from([0, 700])) if until == hearing.heard else 0
        found = hearing.result(
            until, is_final=is_final, speech_final=ends, again=again, beyond=beyond
        )
        self.sim.say(line, found)

    def _final(self) -> None:
        self._result(is_final=True)

    def _interim(self) -> None:
        self._result(is_final=False)

    def _answer(self) -> None:
        self.sim.answer(self.draw(st.sampled_from(self.sim.finals_asked)))

    def _no_answer(self) -> None:
        self.sim.finals_asked.pop(0)

    def _silent(self) -> None:
        line = self.draw(st.sampled_from(list(self.sim.lines)))
        hearing = self.sim.lines[line]
        if not hearing.ear.words(hearing.final_to, hearing.heard):
            self.sim.say(line, Silent(hearing.heard / RATE))

    def _seek(self) -> None:
        self.sim.core.seek_onset(self.sim.now)

    def _quiet(self) -> None:
        """Nobody speaks up to the next word, or to somewhere before it."""
        core = self.sim.core
        words = words_between(core.settled, core.received)
        most = words[0] * PERIOD if words else core.received
        self.sim.core.silent_to(self.draw(st.integers(0, max(most, core.settled))))

    def _pauses(self) -> None:
        """Between some words that are to be sent nobody speaks."""
        core = self.sim.core
        assert core.active is not None
        words = [None, *words_between(core.active.sent, core.received), None]
        spans = []
        for one, other in pairwise(words):
            low = core.active.sent if one is None else one * PERIOD + LENGTH
            high = core.received if other is None else other * PERIOD
            if low < high and self.draw(st.booleans()):
                edges = st.sampled_from([low, high]) | st.integers(low, high)
                spans.append((self.draw(edges), self.draw(edges)))
        self.sim.now += self.draw(st.sampled_from([0.0, 0.5]))  # audio is on its way then
        under_way = core.due(self.sim.now)
        core.silent_between(core.active, [(min(span), max(span)) for span in spans])
        if under_way is not None:
            self.sim.feed(*under_way)

    def _doubt(self) -> None:
        """Any line may be doubted; one that is not listened to means nothing by it."""
        line, over = self.draw(st.sampled_from(list(self.sim.lines))), self.draw(st.booleans())
        self.sim.do(self.sim.core.doubted(line, None if over else SILENT, self.sim.now))

    def _full(self) -> None:
        line = self.draw(st.sampled_from(self.sim.asked))
        self.sim.do(self.sim.core.waits(line, CapacityError("all are taken"), self.sim.now))

    def _repair(self) -> None:
        self.sim.begin_repair()

    def _repaired(self) -> None:
        again = self.draw(st.sampled_from([0, 250, 900]))
        self.sim.end_repair(again=again, pieces=self.draw(st.integers(1, 3)))

    def _not_repaired(self) -> None:
        how = self.draw(st.sampled_from(["away", "refused", "baffled"]))
        self.sim.fail_repair(how)

    def _stranger(self) -> None:
        """A line that was given up still speaks."""
        stale = self.sim.core.received
        for line in list(self.sim.lines):
            if line is not self.sim.core.active:
                self.sim.say(line, Result("0", 0, stale / RATE, is_final=True))


@given(st.data(), st.integers(1, 3), st.integers(0, 2), st.floats(0, 1))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_second_is_covered_once(
    data: st.DataObject, rungs: int, repairers: int, jitter: float
) -> None:
    ladder = [FIRST, rung("requests"), SECOND][:rungs]
    patience = Patience(replay=6, kept=40, untold=5)
    sim = simulation(*ladder, jitter=jitter, patience=patience, repairers=ladder[:repairers])
    sim.core.begun, sim.core.interims = True, data.draw(st.booleans())
    schedule = Schedule(data, sim)
    for _ in range(data.draw(st.integers(5, 60))):
        schedule.step()
        sim.check()
        uphill = [line for line in sim.lines if line is not sim.core.active]
        assert len(uphill) + len(sim.asked) <= rungs
        assert sim.core.received >= sim.core.settled
        active, spare = sim.core.active, sim.core.spare
        assert active is None or active.rung not in {line.rung for line in sim.core.opening}
        assert spare is None or (active is not None and active.doubt)
    sim.do(sim.core.give_up())
    assert sim.core.settled == sim.core.received
    assert not sim.asked
    sim.check()
    check_record(sim)


@given(st.data(), st.integers(1, 2), st.floats(0, 1), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_sentence_longer_than_any_connection_lives_is_heard(
    data: st.DataObject, rungs: int, jitter: float, answers: bool
) -> None:
    """It has no final but those that are asked for; each connection to the first engine dies."""
    patience = Patience(replay=200, longest_delay=1, attempts=1000, outage=1000)
    sim = simulation(*[FIRST, SECOND][:rungs], jitter=jitter, patience=patience)
    sim.core.begun = True
    seconds = st.floats(4, 9)
    dies = dict.fromkeys(sim.asked, 0.0)
    due: dict[Line, float] = {}
    for _ in range(600):
        sim.speak(100)
        sim.pass_time(0.1)
        while sim.asked:  # one that opens may have others dropped
            line = sim.asked[0]
            sim.open(line)
            dies[line] = sim.now + (data.draw(seconds) if line.rung == 0 else 1000)
        for line in set(sim.finals_asked) - due.keys():
            due[line] = sim.now + data.draw(st.floats(0.2, 0.4))
        for line in [line for line, at in due.items() if at <= sim.now]:
            del due[line]
            if line in sim.lines and answers:
                sim.answer(line)
            sim.finals_asked = [other for other in sim.finals_asked if other is not line]
        for line in [line for line in sim.lines if dies[line] <= sim.now]:
            sim.fail(line)
        sim.check()
    assert not sim.gaps
    if answers and rungs == 1:
        # Two lives went by unasked; nobody may be further behind than what came meanwhile.
        assert sim.core.settled > sim.core.received / 2
    sim.do(sim.core.give_up())
    sim.check()
    check_record(sim)


@given(st.data(), st.floats(0, 1))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_where_pauses_are_left_out_every_word_keeps_its_place(
    data: st.DataObject, jitter: float
) -> None:
    """Connections that are late, from which finals come and which are lost."""
    patience = Patience(replay=200, longest_delay=1, attempts=1000, outage=1000)
    sim = simulation(FIRST, jitter=jitter, patience=patience)
    sim.core.begun, sim.core.interims = True, data.draw(st.booleans())
    schedule, left_out = Schedule(data, sim), 0
    for _ in range(data.draw(st.integers(1, 4))):
        while not sim.asked:
            sim.pass_time(0.5)
        sim.speak(data.draw(st.integers(5000, 20_000)))
        sim.open(sim.asked[0])
        for _ in range(data.draw(st.integers(1, 25))):
            schedule.feed()
            sim.check()
        line = sim.core.active
        assert line is not None
        left_out += line.left_out
        assert line.given == sim.lines[line].heard
        if line.sent < sim.core.received:
            assert line.given <= ((sim.now - line.fed_at) * FIRST.pace + HEAD) * RATE + 1
        sim.fail(line)
    event("pauses were left out" if left_out else "none was")
    sim.do(sim.core.give_up())
    sim.check()
    check_record(sim)


class Kept(LocalBus):
    """A bus that keeps what was published."""

    def __init__(self) -> None:
        super().__init__()
        self.finals: list[FinalResult] = []

    def publish(self, event: Event) -> None:
        if isinstance(event, FinalResult):
            self.finals.append(event)
        super().publish(event)


def check_record(sim: Simulation) -> None:
    """What a call makes of all that was told: each word stands once, under one id for good."""
    bus = Kept()
    record = Record("call", Ledger(bus, lambda: 0.0))
    leg = Leg("agent", sample_rate=RATE, language="fr", engine="e", since=0, on_begin=print)
    leg.offset = 0.0
    with capture_logs():
        for event in sim.told:
            record.hear(leg, event)
        record.finish(leg)
    assert record.faults == 0
    ids: dict[str, str] = {}
    closed: dict[str, str] = {}
    for final in bus.finals:
        assert closed.get(final.utterance_id, final.text) == final.text, "changed behind its end"
        for word in final.words:
            assert ids.setdefault(word.text, final.utterance_id) == final.utterance_id
        if final.speech_final:
            closed[final.utterance_id] = final.text
    said = [word.text for one in record.transcript.utterances for word in one.words]
    assert sorted(said, key=int) == sorted(sim.said, key=int)
    left = [(round(gap.start * RATE), round(gap.end * RATE)) for gap in record.transcript.gaps]
    assert left == sim.left
