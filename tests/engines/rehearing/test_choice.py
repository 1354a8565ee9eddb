"""Which finals are heard again, when, and with which neighbours."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.rehearing.choice import (
    GUESSED,
    KEPT,
    LONGEST,
    MOST,
    PATIENCE,
    ROUNDING,
    Choice,
)
from callscribe.engines.rehearing.clip import Clip
from callscribe.transcript import Result, Word


def final(start: float, seconds: float = 2.0, sure: float = 0.9) -> Result:
    word = Word("mot", start, start + seconds, sure)
    return Result("mot", start, start + seconds, True, True, (word,), sure)


def spans(clip: Clip | None) -> list[tuple[float, float]]:
    assert clip is not None
    return [(round(p.start, 2), round(p.end, 2)) for p in clip.pieces]


def test_a_sure_final_is_not_heard_again() -> None:
    choice = Choice()
    choice.add(final(1), "whisper", again=False)
    assert choice.due_at is None
    assert choice.take(100.0, ended=True) is None


def test_it_waits_for_what_is_said_behind_it_but_not_for_ever() -> None:
    choice = Choice()
    choice.add(final(10), "whisper", again=True)
    assert choice.take(13.0) is None
    assert choice.due_at == pytest.approx(12.3 + PATIENCE)
    assert spans(choice.take(12.3 + PATIENCE)) == [(9.75, 12.3)]
    assert choice.due_at is None


def test_enough_behind_it_ends_the_wait() -> None:
    choice = Choice()
    choice.add(final(10), "whisper", again=True)
    for n in range(4):
        assert choice.take(13 + 3 * n) is None
        choice.add(final(13 + 3 * n, 2.5), "whisper", again=False)
    clip = choice.take(26.0)
    assert clip is not None
    assert clip.target == 0
    assert clip.pieces[-1].until <= LONGEST


def test_at_the_end_of_the_leg_it_waits_for_nothing() -> None:
    choice = Choice()
    choice.add(final(1), "whisper", again=True)
    assert spans(choice.take(3.1, ended=True)) == [(0.75, 3.1)]


def test_neighbours_share_a_border_in_the_middle_of_their_silence() -> None:
    choice = Choice()
    choice.add(final(1), "whisper", again=False)
    choice.add(final(3.2), "whisper", again=True)
    choice.add(final(5.3), "whisper", again=False)
    assert spans(choice.take(9, ended=True)) == [(0.75, 3.1), (3.1, 5.25), (5.25, 7.6)]


def test_alone_where_the_second_is_paid_for() -> None:
    choice = Choice()
    choice.in_company = False
    choice.add(final(1), "whisper", again=False)
    choice.add(final(10), "whisper", again=True)
    assert choice.needed_from(12.4) == pytest.approx(9.75)
    assert spans(choice.take(13.0)) == [(9.75, 12.3)]
    assert choice.needed_from(13.0) == pytest.approx(12.0)


def test_what_was_guessed_has_what_is_said_behind_it_even_where_that_is_paid_for() -> None:
    choice = Choice()
    choice.in_company = False
    choice.add(final(1), "deepgram", again=False)
    choice.add(final(10, sure=GUESSED - 0.01), "deepgram", again=True)
    assert choice.needed_from(12.4) == pytest.approx(9.75)
    assert choice.take(13.0) is None
    choice.add(final(14), "deepgram", again=False)
    assert choice.due_at == pytest.approx(12.3 + PATIENCE)
    assert spans(choice.take(12.3 + PATIENCE)) == [(9.75, 12.3), (13.75, 16.3)]


def test_an_engine_that_is_late_is_waited_for_too() -> None:
    choice = Choice()
    choice.in_company = False
    choice.add(final(10, sure=GUESSED - 0.01), "deepgram", again=True, heard=26.0)
    assert choice.take(26.0) is None
    choice.add(final(14), "deepgram", again=False, heard=29.0)
    assert choice.due_at == pytest.approx(26.0 + PATIENCE)
    assert spans(choice.take(26.0 + PATIENCE)) == [(9.75, 12.3), (13.75, 16.3)]


def test_what_waits_for_more_does_not_keep_others_from_their_turn() -> None:
    choice = Choice()
    choice.in_company = False
    choice.add(final(1, sure=GUESSED - 0.01), "deepgram", again=True)
    choice.add(final(5), "deepgram", again=True)
    assert spans(choice.take(7.7)) == [(4.75, 7.3)]
    assert choice.needed_from(7.7) == pytest.approx(0.75)
    assert choice.due_at == pytest.approx(3.3 + PATIENCE)


def test_of_too_many_the_oldest_stays_as_it_is() -> None:
    choice = Choice()
    for n in range(MOST + 2):
        choice.add(final(1 + n, 0.5), "whisper", again=True)
    clip = choice.take(60, ended=True)
    assert clip is not None
    assert clip.final.start == 3.0


def test_neighbours_whose_audio_is_gone_are_left_out() -> None:
    """A voice that speaks seldom: its context lies further back than audio is kept."""
    choice = Choice()
    choice.add(final(5), "whisper", again=False)
    choice.add(final(30), "whisper", again=False)
    choice.add(final(58, 3.0), "whisper", again=True)
    assert choice.needed_from(61.0) < 5
    assert spans(choice.take(73.4, kept_from=13.4)) == [(29.75, 32.3), (57.75, 61.3)]


def test_a_final_whose_audio_is_gone_stays_as_it_is() -> None:
    choice = Choice()
    choice.add(final(5), "whisper", again=True)
    choice.add(final(20), "whisper", again=True)
    clip = choice.take(60.0, kept_from=10.0)
    assert clip is not None
    assert clip.final.start == 20
    assert choice.take(60.0, kept_from=10.0, ended=True) is None
    assert choice.due_at is None


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.floats(0.05, 25), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
)
def test_every_unsure_final_is_heard_once_from_audio_that_is_there(
    said: list[tuple[float, float, bool, bool]],
    in_company: bool,
) -> None:
    choice, kept, heard, wanted = Choice(), 0.0, [], []
    choice.in_company = in_company

    def look(now: float, *, ended: bool = False) -> None:
        nonlocal kept
        kept = max(kept, now - KEPT)
        while (clip := choice.take(now, kept_from=kept, ended=ended)) is not None:
            heard.append(clip.final)
            own = clip.pieces[clip.target]
            assert own.start <= clip.final.start
            assert own.end >= clip.final.end - 0.001
            assert clip.pieces[0].start >= kept - ROUNDING
            for one, other in pairwise(clip.pieces):
                assert one.end <= other.start + 1e-6
            assert len(clip.pieces) == 1 or clip.pieces[-1].until <= LONGEST
            kept = max(kept, choice.needed_from(now))

    at = 0.0
    for silence, seconds, again, guessed in said:
        result = final(at + silence, seconds, GUESSED / 2 if guessed else 0.9)
        at = result.end
        # Audio comes all the time: what is due is heard then.
        while choice.due_at is not None and choice.due_at < at:
            look(choice.due_at)
        choice.add(result, "whisper", again=again)
        wanted += [result] if again else []
        kept = max(kept, choice.needed_from(at))
        look(at)
    look(at, ended=True)
    assert sorted(heard, key=lambda final: final.start) == wanted
    assert not in_company or heard == wanted


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 20)), max_size=30))
def test_alone_no_more_is_kept_than_what_waits(said: list[tuple[float, float]]) -> None:
    choice, at = Choice(), 0.0
    choice.in_company = False
    for silence, seconds in said:
        result = final(at + silence, seconds)
        at = result.end
        choice.add(result, "whisper", again=False)
        assert choice.needed_from(at) == pytest.approx(at)
