"""Who is asked to hear again, and who not for a while."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import FloatArray
from callscribe.engines.base import StreamOptions
from callscribe.engines.rehearing.hearers import PAUSE, Hearer, Hearers
from callscribe.errors import CapacityError, UpstreamError
from callscribe.transcript import Result

pytestmark = pytest.mark.anyio

AUDIO = np.zeros(16_000, np.float32)


class Ear:
    """Says its name, or what is wrong with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[StreamOptions] = []
        self.error: Exception | None = None

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions | None = None
    ) -> Result:
        assert len(audio) == len(AUDIO)
        assert options is not None
        self.asked.append(options)
        if self.error is not None:
            raise self.error
        return Result(f"{self.name} {language}", 0.0, 1.0, True)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ears() -> tuple[Ear, Ear]:
    return Ear("deepgram"), Ear("whisper")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hearers(ears: tuple[Ear, Ear], clock: Clock) -> Hearers:
    first, last = ears
    both = [Hearer(first, "deepgram_rest", "deepgram"), Hearer(last, "whisper")]
    return Hearers(both, clock)


@pytest.mark.parametrize(
    ("said_by", "names"),
    [
        ("whisper", ["deepgram_rest", "whisper"]),
        ("deepgram", ["deepgram_rest"]),  # Whisper here is less exact than what it would correct
        ("deepgram_rest", []),  # it would hear the same
        ("another", []),
    ],
)
def test_only_who_is_more_exact(hearers: Hearers, said_by: str, names: list[str]) -> None:
    assert [hearer.name for hearer in hearers.over(said_by)] == names


def test_what_requests_guessed_they_hear_again_with_more_around_it(hearers: Hearers) -> None:
    names = [hearer.name for hearer in hearers.over("deepgram_rest", guessed=True)]
    assert names == ["deepgram_rest"]
    assert [hearer.name for hearer in hearers.over("deepgram", guessed=True)] == names


async def test_the_options_of_the_leg_hold_there_too(
    hearers: Hearers, ears: tuple[Ear, Ear]
) -> None:
    options = StreamOptions(keyterms=("Nunavut",), query=(("redact", "pci"),))
    first = hearers.over("whisper")[0]
    found = await hearers.ask(first, AUDIO, "fr", options)
    assert found is not None
    assert found.text == "deepgram fr"
    assert ears[0].asked == [options]


@pytest.mark.parametrize("error", [UpstreamError("402", code="payment"), RuntimeError("a bug")])
async def test_one_that_cannot_is_not_asked_for_a_while(
    hearers: Hearers, ears: tuple[Ear, Ear], clock: Clock, error: Exception
) -> None:
    first = hearers.over("whisper")[0]
    ears[0].error = error
    for _ in range(2):
        assert await hearers.ask(first, AUDIO, "fr", StreamOptions()) is None
    assert len(ears[0].asked) == 1
    clock.now += PAUSE
    ears[0].error = None
    assert await hearers.ask(first, AUDIO, "fr", StreamOptions()) is not None


async def test_one_that_live_legs_need_is_asked_again_the_next_time(
    hearers: Hearers, ears: tuple[Ear, Ear]
) -> None:
    first = hearers.over("whisper")[0]
    ears[0].error = CapacityError("full")
    for _ in range(2):
        assert await hearers.ask(first, AUDIO, "fr", StreamOptions()) is None
    assert len(ears[0].asked) == 2
