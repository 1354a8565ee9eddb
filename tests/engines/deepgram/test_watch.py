"""What is unanswered, by a clock of the test's own."""

from __future__ import annotations

import pytest

from callscribe.engines.deepgram.watch import FINALIZE_PATIENCE, STALL, Watch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(1000, clock)


def test_a_stall_takes_audio_and_time(watch: Watch, clock: Clock) -> None:
    watch.audio(int((STALL + 1) * 1000))
    assert (watch.seconds, watch.unanswered) == (STALL + 1, STALL + 1)
    assert not watch.is_stalled  # a burst
    clock.now += STALL + 1
    assert watch.is_stalled
    watch.answer()
    assert not watch.is_stalled
    assert watch.unanswered == 0
    clock.now += STALL + 1
    watch.audio(1000)
    assert not watch.is_stalled  # nobody spoke, so nothing was to be answered


def test_the_wait_counts_from_the_first_audio_behind_an_answer(watch: Watch, clock: Clock) -> None:
    watch.audio(1000)
    watch.answer()
    clock.now += STALL
    watch.audio(1000)
    clock.now += 1
    watch.audio(int(STALL * 1000))
    assert watch.unanswered > STALL
    assert not watch.is_stalled


def test_a_finalize_has_its_time(watch: Watch, clock: Clock) -> None:
    assert not watch.finalize_is_overdue
    watch.finalize()
    assert watch.finalize_due == clock.now + FINALIZE_PATIENCE
    assert not watch.finalize_is_overdue
    clock.now += FINALIZE_PATIENCE
    assert watch.finalize_is_overdue
