"""The figures of a call, and how they fit the ground truth of the measured calls.

Given the bounds of the truth's own utterances they are the truth's figures to half a hundredth of a
second, the last digit in which it is written. The sweep fits a count tenth by tenth for any calls.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe import floor
from callscribe.events import (
    Event,
    FinalResult,
    Gap,
    GapRepaired,
    LegStarted,
    RolesSwapped,
    SpeechStarted,
)
from callscribe.talk import MARK, Talk
from callscribe.transcript import Word
from tests import speech

HEAD = {"session_id": "s", "seq": 1, "at": 0.0}


def final(
    utterance_id: str, speaker: str, *words: tuple[float, float], text: str = "", leak_of: str = ""
) -> FinalResult:
    return FinalResult(
        session_id="s",
        seq=1,
        at=0.0,
        speaker=speaker,
        utterance_id=utterance_id,
        text=text or " ".join(f"mot{n}" for n in range(len(words))),
        start=words[0][0] if words else 0.0,
        end=words[-1][1] if words else 0.0,
        words=tuple(Word(f"mot{n}", *times, 0.9) for n, times in enumerate(words)),
        leak_of=leak_of,
    )


def told(*events: Event) -> Talk:
    talk = Talk()
    for event in events:
        assert talk.apply(event)
    return talk


def test_the_figures_of_a_small_call() -> None:
    figures = told(
        final("a-1", "agent", (0.0, 0.4), (0.5, 1.0), (1.2, 2.0)),
        final("t-1", "technician", (1.5, 2.5), (2.6, 3.5)),
        final("a-2", "agent", (6.5, 7.5)),
    ).to_dict()
    assert figures == {
        "speakers": {
            "agent": {
                "talk_seconds": 3.0,
                "talk_ratio": 0.6,
                "words": 4,
                "words_per_minute": 80.0,
                "longest_monologue": 1.5,
                "interruptions": 0,
            },
            "technician": {
                "talk_seconds": 2.0,
                "talk_ratio": 0.4,
                "words": 2,
                "words_per_minute": 60.0,
                "longest_monologue": 1.5,
                "interruptions": 1,
            },
        },
        "talk_over_seconds": 0.5,
        "dead_air_seconds": 3.0,
        "longest_dead_air": 3.0,
        "unheard_seconds": 0.0,
        "coverage_percent": 100.0,
    }


def test_nothing_said_yet() -> None:
    leg = LegStarted(
        **HEAD, speaker="agent", sample_rate=16_000, language="fr", engine="x", offset=0.0
    )
    figures = told(leg).to_dict()
    assert figures["speakers"]["agent"]["talk_ratio"] == 0.0
    assert figures["dead_air_seconds"] == 0.0


def test_an_utterance_that_grows_or_is_revised_counts_once() -> None:
    grown = told(
        final("a-1", "agent", (0, 1)),
        final("t-1", "technician", (1.5, 3)),
        final("a-1", "agent", (0, 1), (1.1, 2)),
        final("a-1", "agent", (0, 1), (1.1, 1.8), (4, 5)),
    )
    once = told(
        final("a-1", "agent", (0, 1), (1.1, 1.8), (4, 5)), final("t-1", "technician", (1.5, 3))
    )
    assert grown.to_dict() == once.to_dict()


def test_leaks_and_what_was_taken_back_count_for_nothing() -> None:
    said = [final("a-1", "agent", (0, 2)), final("t-1", "technician", (3, 4))]
    more = [final("a-2", "agent", (3.1, 4.1)), final("a-3", "agent", (8, 9))]
    taken_back = [final("a-2", "agent", (3.1, 4.1), leak_of="t-1"), final("a-3", "agent")]
    assert told(*said, *more).to_dict() != told(*said).to_dict()
    assert told(*said, *more, *taken_back).to_dict() == told(*said).to_dict()


def test_an_utterance_without_word_times_is_speech_throughout() -> None:
    said = FinalResult(**HEAD, speaker="a", utterance_id="a-1", text="deux mots ?", start=1, end=3)
    (figures,) = told(said).to_dict()["speakers"].values()
    assert (figures["talk_seconds"], figures["words"]) == (2.0, 2)


def test_swapped_speakers_take_what_they_said_with_them() -> None:
    swapped = told(
        final("agent-1", "agent", (0, 2)),
        final("technician-1", "technician", (10, 10.5)),
        RolesSwapped(**HEAD, speakers=("agent", "technician")),
        final("agent-2", "technician", (2.1, 3)),
        final("technician-1", "agent", (10, 11)),
    ).to_dict()
    assert swapped["speakers"]["technician"]["talk_seconds"] == 3.0
    assert swapped["speakers"]["agent"]["talk_seconds"] == 1.0


def test_gaps_are_told_apart_from_silence_and_other_events_change_nothing() -> None:
    talk = told(
        final("a-1", "agent", (0, 1)),
        final("a-2", "agent", (9, 10)),
        Gap(**HEAD, speaker="agent", start=1.5, end=8.0, reason="lost"),
    )
    assert talk.to_dict()["dead_air_seconds"] == 0.0
    assert talk.to_dict()["unheard_seconds"] == 6.5
    assert talk.apply(GapRepaired(**HEAD, speaker="agent", of_seq=1, start=1.5, end=8.0))
    assert talk.to_dict()["dead_air_seconds"] == 8.0
    assert talk.to_dict()["unheard_seconds"] == 0.0
    assert not talk.apply(SpeechStarted(**HEAD, speaker="agent", utterance_id="a-3", start=11))


@pytest.mark.parametrize("times", [(2, 2), (3, 1), (float("nan"), 1), (0, float("inf"))])
def test_times_that_cannot_be_are_no_speech(times: tuple[float, float]) -> None:
    (figures,) = told(final("a-1", "a", times)).to_dict()["speakers"].values()
    assert (figures["talk_seconds"], figures["words"]) == (0.0, 1)


def test_a_final_costs_no_more_at_the_end_of_a_long_call(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = 0
    feed = floor.Sweep.feed

    def counted(sweep: floor.Sweep, start: float, end: float, line: int) -> None:
        nonlocal fed
        fed += 1
        feed(sweep, start, end, line)

    monkeypatch.setattr(floor.Sweep, "feed", counted)
    talk = Talk()
    most = 0
    for number in range(2000):
        fed = 0
        speaker = ("agent", "technician")[number % 2]
        start = number * 2.0
        talk.add(final(f"u-{number}", speaker, (start, start + 1)))
        talk.add(final(f"u-{number}", speaker, (start, start + 1), (start + 1.2, start + 2.1)))
        talk.to_dict()
        most = max(most, fed)
    assert most <= MARK + 2


def truth(language: str) -> tuple[list[tuple[str, float, float]], dict[str, object]]:
    """The utterances of a corpus call, and what its maker measured."""
    data = json.loads(speech.corpus("calls", language, "truth.json").read_text("utf-8"))
    return [
        (turn["speaker"], said["start"], said["end"])
        for turn in data["turns"]
        for said in turn["utterances"]
    ], data


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_ground_truth_of_the_corpus(language: str) -> None:
    """French: 97.74 s, 66.16 s and 2.68 s at once; English: 95.14 s, 83.27 s and 13.78 s."""
    said, data = truth(language)
    events = [final(str(n), who, (start, end)) for n, (who, start, end) in enumerate(said)]
    figures = told(*reversed(events)).to_dict()
    assert figures["talk_over_seconds"] == pytest.approx(data["overlap_seconds"], abs=0.006)
    for speaker, seconds in data["speech_seconds"].items():  # type: ignore[attr-defined]
        mine = sorted((start, end) for who, start, end in said if who == speaker)
        joined = sum(max(0.0, b[0] - a[1]) for a, b in pairwise(mine) if b[0] - a[1] <= floor.JOINT)
        talk = figures["speakers"][speaker]["talk_seconds"]
        assert talk == pytest.approx(seconds + joined, abs=0.006)
    assert figures["dead_air_seconds"] == 0.0


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_script_of_the_demo_call(language: str) -> None:
    lines = speech.script(language)
    figures = told(
        *(final(str(n), u.speaker, (u.start, u.end), text=u.text) for n, u in enumerate(lines))
    ).to_dict()
    for speaker, of in figures["speakers"].items():
        mine = [line for line in lines if line.speaker == speaker]
        seconds = sum(line.end - line.start for line in mine)
        assert of["talk_seconds"] == pytest.approx(seconds, abs=0.5)  # one short pause is joined
        assert of["longest_monologue"] >= max(line.end - line.start for line in mine) - 1e-6
        assert of["words"] == len([w for u in mine for w in u.text.split() if w.strip("?!:;.")])


spoken = st.lists(
    st.tuples(
        st.sampled_from(["agent", "technician"]),
        st.lists(st.tuples(st.integers(0, 600), st.integers(1, 30)), max_size=4),
        st.sampled_from(["", "", "", "someone-1"]),
    ),
    max_size=20,
)
"""Speaker, words (start and length in tenths of a second), leak."""


def finals(said: list[tuple[str, list[tuple[int, int]], str]]) -> list[FinalResult]:
    return [
        final(
            f"u-{number}",
            speaker,
            *sorted((start / 10, (start + length) / 10) for start, length in words),
            leak_of=leak_of,
        )
        for number, (speaker, words, leak_of) in enumerate(said)
    ]


def on_a_grid(events: list[FinalResult]) -> tuple[dict[str, int], int, int]:
    """Talk by speaker, talk-over and dead air in tenths of a second, counted one by one."""
    on: dict[str, set[int]] = {}
    for event in events:
        tenths = on.setdefault(event.speaker, set())
        if not event.leak_of:
            for word in event.words:
                tenths.update(range(round(word.start * 10), round(word.end * 10)))
    for tenths in on.values():
        for last, following in list(pairwise(sorted(tenths))):
            if following - last - 1 <= floor.JOINT * 10:
                tenths.update(range(last, following))
    both = set.intersection(*on.values()) if len(on) > 1 else set()
    silences = [b - a - 1 for a, b in pairwise(sorted(set().union(*on.values())))]
    talk = {speaker: len(tenths) for speaker, tenths in on.items()}
    return talk, len(both), sum(s for s in silences if s > floor.PAUSE * 10)


@given(spoken)
def test_the_sweep_counts_what_a_grid_counts(
    said: list[tuple[str, list[tuple[int, int]], str]],
) -> None:
    events = finals(said)
    figures = told(*events).to_dict()
    talk, over, dead = on_a_grid(events)
    assert {name: of["talk_seconds"] for name, of in figures["speakers"].items()} == pytest.approx(
        {name: tenths / 10 for name, tenths in talk.items()}
    )
    assert figures["talk_over_seconds"] == pytest.approx(over / 10)
    assert figures["dead_air_seconds"] == pytest.approx(dead / 10)
    seconds = [of["talk_seconds"] for of in figures["speakers"].values()]
    assert figures["talk_over_seconds"] <= min(seconds, default=0) + 1e-6
    assert figures["longest_dead_air"] <= figures["dead_air_seconds"] + 1e-6
    ratios = [of["talk_ratio"] for of in figures["speakers"].values()]
    assert sum(ratios) == pytest.approx(1.0, abs=1e-3) if sum(seconds) else sum(ratios) == 0


@given(spoken, spoken, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(
    said: list[tuple[str, list[tuple[int, int]], str]],
    before: list[tuple[str, list[tuple[int, int]], str]],
    chance: random.Random,
) -> None:
    """Whatever came before under the same ids, whenever the figures were asked for."""
    events = finals(said)
    shuffled = [*finals(before)[: len(events)], *chance.sample(events, len(events))]
    talk = Talk()
    for event in shuffled:
        talk.add(event)
        if chance.random() < 0.5:
            talk.to_dict()
    straight = told(*events).to_dict()
    shaken = talk.to_dict()
    for name, of in straight["speakers"].items():
        assert shaken["speakers"][name] == of
    assert {**shaken, "speakers": None} == {**straight, "speakers": None}
