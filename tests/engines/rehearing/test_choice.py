"""Which finals are heard again, when, and with which neighbours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.rehearing.choice import AROUND, KEPT, LONGEST, MOST, PATIENCE, Choice
from callscribe.engines.rehearing.clip import Clip
from callscribe.transcript import Result, Word

BELOW = 0.8


def final(start: float, seconds: float = 2.0, confidence: float = 0.9) -> Result:
    word = Word("mot", start, start + seconds, confidence)
    return Result("mot", start, start + seconds, True, True, (word,), confidence)


def spans(clip: Clip | None) -> list[tuple[float, float]]:
    assert clip is not None
    return [(round(p.start, 2), round(p.end, 2)) for p in clip.pieces]


def test_what_is_under_the_threshold_is_marked() -> None:
    choice = Choice(BELOW)
    assert choice.mark(final(0, confidence=0.79)).unsure
    assert not choice.mark(final(0, confidence=0.8)).unsure
    assert not choice.mark(Result("", 0.0, 1.0, True)).unsure
    assert not Choice(0.0).mark(final(0, confidence=0.0)).unsure


def test_a_sure_final_is_not_heard_again() -> None:
    choice = Choice(BELOW)
    choice.add(final(1), "whisper")
    assert choice.due_at is None
    assert choice.take(100.0, ended=True) is None


def test_it_waits_for_what_is_said_behind_it_but_not_for_ever() -> None:
    choice = Choice(BELOW)
    choice.add(final(10, confidence=0.5), "whisper")
    assert choice.take(13.0) is None
    assert choice.due_at == pytest.approx(12.3 + PATIENCE)
    assert spans(choice.take(12.3 + PATIENCE)) == [(9.75, 12.3)]
    assert choice.due_at is None


def test_enough_behind_it_ends_the_wait() -> None:
    choice = Choice(BELOW)
    choice.add(final(10, confidence=0.5), "whisper")
    for n in range(4):
        assert choice.take(13 + 3 * n) is None
        choice.add(final(13 + 3 * n, 2.5), "whisper")
    clip = choice.take(26.0)
    assert clip is not None
    assert clip.target == 0
    assert clip.pieces[-1].until <= LONGEST


def test_at_the_end_of_the_leg_it_waits_for_nothing() -> None:
    choice = Choice(BELOW)
    choice.add(final(1, confidence=0.5), "whisper")
    assert spans(choice.take(3.1, ended=True)) == [(0.75, 3.1)]


def test_neighbours_share_a_border_in_the_middle_of_their_silence() -> None:
    choice = Choice(BELOW)
    choice.add(final(1), "whisper")
    choice.add(final(3.2, confidence=0.5), "whisper")
    choice.add(final(5.3), "whisper")
    assert spans(choice.take(9, ended=True)) == [(0.75, 3.1), (3.1, 5.25), (5.25, 7.6)]


def test_alone_where_the_second_is_paid_for() -> None:
    choice = Choice(BELOW)
    choice.in_company = False
    choice.add(final(1), "whisper")
    choice.add(final(10, confidence=0.5), "whisper")
    assert choice.needed_from(12.4) == pytest.approx(9.75)
    assert spans(choice.take(13.0)) == [(9.75, 12.3)]
    assert choice.needed_from(13.0) == pytest.approx(12.0)


def test_of_too_many_the_oldest_stays_as_it_is() -> None:
    choice = Choice(BELOW)
    for n in range(MOST + 2):
        choice.add(final(1 + n, 0.5, confidence=0.5), "whisper")
    clip = choice.take(60, ended=True)
    assert clip is not None
    assert clip.final.start == 3.0


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.floats(0.05, 25), st.floats(0, 1)), min_size=1, max_size=30
    )
)
def test_every_unsure_final_is_heard_once_in_its_own_stretch(
    said: list[tuple[float, float, float]],
) -> None:
    choice, at, unsure, clips = Choice(BELOW), 0.0, [], []
    for silence, seconds, confidence in said:
        result = final(at + silence, seconds, confidence)
        at = result.end
        choice.add(result, "whisper")
        if confidence < BELOW:
            unsure.append(result)
        while (clip := choice.take(at)) is not None:
            clips.append((clip, choice.needed_from(at)))
    while (clip := choice.take(at + 1, ended=True)) is not None:
        clips.append((clip, choice.needed_from(at)))
    heard = [clip.final for clip, _ in clips]
    assert heard == [result for result in unsure if result in heard]  # in order, none twice
    for clip, needed in clips:
        own = clip.pieces[clip.target]
        assert own.start <= clip.final.start
        assert own.end >= clip.final.end - 0.001
        for one, other in zip(clip.pieces, clip.pieces[1:], strict=False):
            assert one.end <= other.start + 1e-6
        assert len(clip.pieces) == 1 or clip.pieces[-1].until <= LONGEST
        assert needed >= 0


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 20)), max_size=30))
def test_what_is_kept_is_bounded(said: list[tuple[float, float]]) -> None:
    choice, at = Choice(BELOW), 0.0
    for silence, seconds in said:
        choice.add(final(at + silence, seconds, 0.5), "whisper")
        at += silence + seconds
        assert at - choice.needed_from(at) <= max(KEPT, AROUND)
