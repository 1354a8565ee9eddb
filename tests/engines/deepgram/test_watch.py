"""What is unanswered, by a clock of the test's own."""

from __future__ import annotations

from functools import partial
from math import inf

import pytest

from callscribe.engines.deepgram.watch import (
    BLOCKED,
    DEAF,
    DOUBT,
    FINALIZE_PATIENCE,
    MUTE,
    OFTEN,
    PATIENCES,
    QUICK,
    QUIET,
    STALL,
    Watch,
)


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
    watch.audio(int((STALL + 1) * 1000), clock())
    assert (watch.seconds, watch.unanswered) == (STALL + 1, STALL + 1)
    assert not watch.is_stalled  # a burst
    clock.now += STALL + 1
    assert watch.is_stalled
    watch.answer()
    assert not watch.is_stalled
    assert watch.unanswered == 0
    clock.now += STALL + 1
    watch.audio(1000, clock())
    assert not watch.is_stalled  # nobody spoke, so nothing was to be answered


def test_the_wait_counts_from_the_first_audio_behind_an_answer(watch: Watch, clock: Clock) -> None:
    watch.audio(1000, clock())
    watch.answer()
    clock.now += STALL
    watch.audio(1000, clock())
    clock.now += 1
    watch.audio(int(STALL * 1000), clock())
    assert watch.unanswered > STALL
    assert not watch.is_stalled


def test_a_finalize_has_its_time(watch: Watch, clock: Clock) -> None:
    assert not watch.finalize_is_overdue
    watch.finalize()
    assert watch.finalize_due == clock.now + FINALIZE_PATIENCE
    assert not watch.finalize_is_overdue
    clock.now += FINALIZE_PATIENCE
    assert watch.finalize_is_overdue
    watch.finalize()
    assert watch.finalize_is_overdue, "it is asked for again, and still waited for"


def test_who_says_anything_since_a_finalize_is_not_silent(watch: Watch, clock: Clock) -> None:
    assert not watch.is_silent_since_finalize, "nobody asked"
    clock.now += 1
    watch.finalize()
    clock.now += 1
    assert watch.is_silent_since_finalize
    watch.answer()
    assert not watch.is_silent_since_finalize


def spoken(watch: Watch, clock: Clock, seconds: float, *, answered: float = 0.0) -> bool:
    """Speaks for so long; every so many seconds there are Results. Whether that is a stall."""
    began = watch.seconds
    while watch.seconds < began + seconds:
        clock.now += 0.25
        watch.audio(250, clock())
        watch.speech(watch.seconds)
        if answered and watch.seconds % answered == 0:
            watch.results(watch.seconds)
        if watch.is_deaf:
            return True
    return False


def test_speech_that_nothing_answers_is_a_stall(watch: Watch, clock: Clock) -> None:
    assert not spoken(watch, clock, 30, answered=1.0)
    assert not spoken(watch, clock, DEAF - 0.25)
    assert spoken(watch, clock, 0.5)
    assert DEAF - 0.1 < watch.deaf_for < DEAF + 0.25, "two and a half times the usual second"


@pytest.mark.parametrize(("answered", "doubted"), [(1.0, 1.5), (0.25, 1.25), (1.5, 1.75)])
def test_there_is_doubt_before_it_is_a_stall(
    watch: Watch, clock: Clock, answered: float, doubted: float
) -> None:
    assert not spoken(watch, clock, 30, answered=answered)
    assert not watch.is_doubtful
    assert not spoken(watch, clock, doubted - 0.25)
    assert not watch.is_doubtful
    assert not spoken(watch, clock, 0.25)
    assert watch.is_doubtful
    watch.results(watch.seconds)
    assert not watch.is_doubtful


def test_it_is_known_when_to_look_again(watch: Watch, clock: Clock) -> None:
    watch.audio(1000, clock())
    assert watch.next_look == inf, "nobody speaks"
    watch.speech(1.0)
    assert watch.next_look == pytest.approx(DEAF * DOUBT - watch.deaf_for)
    clock.now += watch.next_look + 0.01
    watch.audio(4000, clock())
    assert watch.is_doubtful
    clock.now += watch.next_look - 0.01
    assert not watch.is_deaf
    clock.now += 0.02
    assert watch.is_deaf
    assert watch.next_look == inf


def test_of_a_server_that_is_always_quick_more_is_expected(watch: Watch, clock: Clock) -> None:
    assert not spoken(watch, clock, (OFTEN - 1) * 0.25, answered=0.25)
    assert not spoken(watch, clock, QUICK), "it has not shown it often enough"
    watch.results(watch.seconds)
    assert not spoken(watch, clock, 30, answered=0.25)
    assert not spoken(watch, clock, QUICK - 0.25)
    assert spoken(watch, clock, 0.5)
    assert QUICK <= watch.deaf_for < QUICK + 0.25


def test_who_has_lately_been_slow_has_its_time(watch: Watch, clock: Clock) -> None:
    assert not spoken(watch, clock, 30, answered=1.0)
    assert not spoken(watch, clock, DEAF - 0.25), "as Deepgram: once a second"
    watch.results(watch.seconds)
    assert not spoken(watch, clock, 30, answered=0.25)
    assert spoken(watch, clock, DEAF - 0.25), "that was long ago"


def test_results_that_stand_still_answer_nothing(watch: Watch, clock: Clock) -> None:
    assert not spoken(watch, clock, 2, answered=1.0)
    for _ in range(20):
        watch.results(2.0)
        watch.answer()
        if spoken(watch, clock, 0.25):
            break
    assert watch.is_deaf


def test_a_server_that_is_slow_gets_on(watch: Watch, clock: Clock) -> None:
    covered = 0.0
    for _ in range(20):
        assert not spoken(watch, clock, 2)
        covered += 0.1
        watch.results(covered)  # far behind, and further each time


def test_silence_is_no_stall(watch: Watch, clock: Clock) -> None:
    spoken(watch, clock, 2, answered=1.0)
    for _ in range(400):
        clock.now += 0.25
        watch.audio(250, clock())
        assert not watch.is_deaf


def test_who_gets_no_more_audio_owes_nothing(watch: Watch, clock: Clock) -> None:
    spoken(watch, clock, 1)
    clock.now += 100
    assert not watch.is_deaf  # the microphone is off


def test_the_next_connection_has_more_patience_where_nothing_was_heard(clock: Clock) -> None:
    patience = DEAF
    seen = []
    for _ in range(4):
        watch = Watch(1000, clock, partial(float, patience))
        assert watch.next_patience is None
        assert spoken(watch, clock, 20)
        assert watch.next_patience is not None
        patience = watch.next_patience
        seen.append(patience)
    assert seen == [2 * DEAF, PATIENCES, PATIENCES, PATIENCES]
    watch = Watch(1000, clock, partial(float, patience))
    watch.results(0.5)
    assert spoken(watch, clock, 20)
    assert watch.next_patience == DEAF


def test_what_another_connection_learns_counts_until_there_are_results(clock: Clock) -> None:
    patience = DEAF
    watch = Watch(1000, clock, lambda: patience)
    assert not spoken(watch, clock, DEAF - 0.5)
    patience = 2 * DEAF
    assert not spoken(watch, clock, 2)
    watch.results(watch.seconds)
    patience = DEAF
    assert not spoken(watch, clock, 2 * DEAF - 0.5)
    assert spoken(watch, clock, 1)


def test_nobody_is_kept_ready_where_no_more_audio_comes(watch: Watch, clock: Clock) -> None:
    assert not spoken(watch, clock, DEAF - 0.5)
    assert watch.is_doubtful
    clock.now += QUIET
    assert not watch.is_doubtful, "the microphone is off"
    clock.now += 1
    watch.audio(250, clock())
    assert watch.is_doubtful


def test_a_final_is_waited_for_as_long_as_speech_may_wait(watch: Watch, clock: Clock) -> None:
    watch.finalize()
    clock.now += FINALIZE_PATIENCE
    assert watch.finalize_is_overdue
    assert watch.wait_as_for_speech(), "it has not shown how quick it is"
    assert not watch.finalize_is_overdue
    clock.now += DEAF - FINALIZE_PATIENCE
    assert watch.finalize_is_overdue
    assert not watch.wait_as_for_speech()


def test_sending_that_takes_too_long(watch: Watch, clock: Clock) -> None:
    watch.sending()
    clock.now += BLOCKED - 0.1
    assert not watch.is_blocked
    clock.now += 0.1
    assert watch.is_blocked
    watch.sent()
    assert not watch.is_blocked
    watch.sending()
    watch.speech(1.0)
    clock.now += DEAF
    assert watch.is_blocked  # somebody speaks meanwhile
    assert watch.blocked_for == DEAF


def test_at_the_end_speech_is_not_waited_for_where_not_a_word_comes(
    watch: Watch, clock: Clock
) -> None:
    assert not spoken(watch, clock, 3, answered=0.25)
    clock.now += MUTE
    assert not watch.is_mute, "all was answered"
    assert not spoken(watch, clock, 1)
    clock.now += MUTE
    assert not watch.is_mute, "it was not ended"
    watch.ended()
    clock.now += MUTE - 0.1
    assert not watch.is_mute
    watch.answer()
    clock.now += MUTE - 0.1
    assert not watch.is_mute
    clock.now += 0.1
    assert watch.is_mute


@pytest.mark.parametrize("patience", [STALL, PATIENCES])
def test_who_answers_at_the_end_only_has_its_time(clock: Clock, patience: float) -> None:
    """Without interims; or a voice of which no connection has made anything."""
    watch = Watch(1000, clock, partial(float, patience))
    for _ in range(OFTEN + 2):
        clock.now += 1
        watch.audio(1000, clock())
        watch.results(watch.seconds)
    assert not spoken(watch, clock, 6)
    watch.ended()
    clock.now += MUTE
    assert not watch.is_mute
