"""Faults on the way to Deepgram, in small: every tone is written down once, or said to be a gap.

Our own server that hears tones is in Deepgram's place, in a process of its own, the chaos proxy
before it. All calls are played at once. ``make chaos`` does the same with speech and Whisper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from benchmarks.calls import Leg
from benchmarks.chaos_play import HeardLeg, Scene, play
from benchmarks.chaos_words import Placed
from benchmarks.upstream import Upstream, upstream
from callscribe import ladder
from callscribe.engines.deepgram import transport, watch
from callscribe.engines.resilient import Patience, ResilientEngine
from tests.engines_for_tests import EnergyEngine, tones

pytestmark = pytest.mark.slow

RATE = 16_000
LENGTH = 0.3
NEAR = 0.5
"""Seconds by which a word may be away from its tone."""
SHORT = 1.0
"""Seconds of audio that are heard again at most, where a gap is to come about."""

LADDERS: dict[str, tuple[str, ...]] = {
    # Without requests: what is cut for those is what a local VAD takes for speech, and no tone.
    "full": ("whisper",),
    "none": (),
    "none, impatient": (),
}
patience: ContextVar[Patience] = ContextVar("patience")

SCENES = {
    "drops": Scene("drops", ("drop@2.3",)),
    "busy": Scene("busy", ("drop@2.3/1", "refuse:429@2+3")),
    "stall": Scene("stall", ("stall:down@2.3/1",)),
    "half-open": Scene("half-open", ("half-open@2.3/1",)),
    "garble": Scene("garble", ("garble~1.5/1-2",)),
    "killed": Scene("killed", kill_at=2.3),
    "sentences": Scene("sentences", ("drop@4",)),
    "revoked": Scene("revoked", ("drop@2.3/1", "refuse:401@2")),
}


class Tone(NamedTuple):
    """What is to be heard, and when it begins and ends."""

    text: str
    start: float
    end: float


def script() -> tuple[Leg, list[Tone]]:
    """Tones, each another one; of three the last is followed by the end of the utterance."""
    parts, expected, at = [], [], 0.0
    for index in range(15):
        frequency = 400 + 60 * index
        part = tones(frequency, gap=0.6 if index % 3 == 2 else 0.2, length=LENGTH)
        expected.append(Tone(f"f{frequency}", at + 0.1, at + 0.1 + LENGTH))
        parts.append(np.frombuffer(part, "<i2"))
        at += len(part) / 2 / RATE
    return Leg("fr", "agent", RATE, np.concatenate(parts), []), expected


def sentences() -> tuple[Leg, list[Tone]]:
    """Tones that last longer than a connection lives, even where they are sent as what was kept."""
    first, second = tones(400, length=7.0), tones(600, length=6.0)
    samples = np.frombuffer(first + second, "<i2")
    at = len(first) / 2 / RATE
    expected = [Tone("f400", 0.1, 7.1), Tone("f600", at + 0.1, at + 6.1)]
    return Leg("fr", "agent", RATE, samples, []), expected


LEG, EXPECTED = script()
LONG, SENTENCES = sentences()
Calls = dict[tuple[str, str], HeardLeg]


CALLS = [
    *((name, "full") for name in SCENES if name != "sentences"),
    *((name, "none") for name in SCENES if name != "killed"),
    ("busy", "none, impatient"),
]


async def played(server: Upstream, mortal: Upstream) -> Calls:
    """What was heard in each call."""
    tones_here = EnergyEngine()

    async def one(name: str, ladder: str) -> HeardLeg:
        replay = SHORT if "impatient" in ladder else Patience().replay
        patience.set(Patience(replay=replay, longest_delay=1.0, attempts=100))
        behind = mortal if name == "killed" else server
        leg = LONG if name == "sentences" else LEG
        run = await play([leg], SCENES[name], behind, tones_here, LADDERS[ladder], seed=3)
        return run.legs[0]

    heard = await asyncio.gather(*(one(*call) for call in CALLS))
    return dict(zip(CALLS, heard, strict=True))


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    command = ("tests.killable", "--tones")
    with (
        upstream(*command, legs=64) as server,
        upstream(*command, legs=64) as mortal,
        pytest.MonkeyPatch.context() as patch,
    ):
        # A call of ten seconds has no time for the patience of real ones.
        patch.setattr(watch, "STALL", 2.0)
        patch.setattr(transport, "PING_EVERY", 0.5)
        patch.setattr(transport, "PING_DEADLINE", 1.0)
        patch.setattr(
            ladder, "ResilientEngine", lambda r, **more: ResilientEngine(r, patience.get(), **more)
        )
        yield asyncio.run(played(server, mortal))


def times(tone: Tone, words: list[Placed]) -> int:
    """How often a tone is written down where it was heard."""
    return sum(w.text == tone.text and abs(w.start - tone.start) < NEAR for w in words)


@pytest.mark.parametrize("name", [name for name in SCENES if name != "sentences"])
def test_nothing_is_lost_doubled_or_moved(calls: Calls, name: str) -> None:
    heard = calls[name, "full"]
    assert [times(tone, heard.words) for tone in EXPECTED] == [1] * len(EXPECTED), heard
    assert len(heard.words) == len(EXPECTED), heard.words
    assert heard.gaps == []


@pytest.mark.parametrize("name", ["drops", "busy", "stall", "half-open", "garble"])
def test_without_a_fallback_what_was_missed_is_heard_again(calls: Calls, name: str) -> None:
    heard = calls[name, "none"]
    assert [times(tone, heard.words) for tone in EXPECTED] == [1] * len(EXPECTED), heard
    assert len(heard.words) == len(EXPECTED), heard.words
    assert heard.gaps == []


def test_a_sentence_longer_than_a_connection_lives_is_heard_in_parts(calls: Calls) -> None:
    heard = calls["sentences", "none"]
    assert heard.gaps == []
    words = heard.words
    assert all(one.end < other.start + 0.05 for one, other in pairwise(words)), "doubled"
    for tone in SENTENCES:
        parts = [word for word in words if word.text == tone.text]
        assert len(parts) > 1
        assert sum(word.end - word.start for word in parts) == pytest.approx(
            tone.end - tone.start, abs=0.1
        ), heard


def test_without_a_fallback_what_nobody_heard_is_one_gap(calls: Calls) -> None:
    heard = calls["busy", "none, impatient"]
    ((start, end),) = heard.gaps
    # From where the last final ended, before the drop, to the oldest audio that was heard again.
    assert start <= 2.3 < end
    assert heard.closed_at is None
    check_gap(heard, start, end)


def test_where_a_key_is_revoked_the_leg_goes_on_and_what_is_said_is_a_gap(calls: Calls) -> None:
    heard = calls["revoked", "none"]
    start = heard.gaps[0][0]
    assert start <= 2.3
    assert [start for start, _ in heard.gaps[1:]] == [end for _, end in heard.gaps[:-1]]
    assert heard.gaps[-1][1] == pytest.approx(LEG.seconds, abs=0.1)
    assert heard.closed_at is None
    check_gap(heard, start, LEG.seconds)
    assert len([text for _, text in heard.notices if "engine_lost" in text]) == 1


def check_gap(heard: HeardLeg, start: float, end: float) -> None:
    """All before and behind is written down once, nothing within; no tone is cut."""
    for tone in EXPECTED:
        if tone.end <= start or tone.start >= end:
            assert times(tone, heard.words) == 1, (tone, heard)
        elif tone.start >= start and tone.end <= end:
            assert times(tone, heard.words) == 0, (tone, heard)
        else:
            raise AssertionError(f"{tone} is cut: {heard}")
    assert len(heard.words) == sum(times(tone, heard.words) for tone in EXPECTED)
