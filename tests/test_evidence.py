"""Which leg has the copy: each rule, and which one holds where two of them disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from callscribe.events import FinalResult
from callscribe.evidence import Copy, Heard, one_voice
from callscribe.loudness import BLOCKS, Levels
from callscribe.same_words import same_words, tokens
from callscribe.transcript import Word

SENTENCE = "La pression de l'eau est normale ce matin"
USUAL = -20.0


def heard(
    speaker: str, start: float, below: float = 0.0, *, shape: int = 1, sure: float = 0.9
) -> Heard:
    """The sentence on a leg, quieter than usual by some dB."""
    words = tuple(
        Word(word, start + n * 0.3, start + n * 0.3 + 0.3, sure)
        for n, word in enumerate(SENTENCE.split())
    )
    said = FinalResult(
        session_id="s",
        seq=1,
        at=0.0,
        speaker=speaker,
        utterance_id=f"{speaker}-1",
        text=SENTENCE,
        start=start,
        end=words[-1].end,
        words=words,
    )
    waves = np.random.default_rng(shape).normal(0.0, 4.0, 5 * BLOCKS).astype(np.float32)
    levels = Levels(start - 0.5, waves + np.float32(USUAL - below))
    usual = levels.mean(start, said.end)
    assert usual is not None
    return Heard(said, tuple(tokens(words)), levels, usual + below)


def copy(left: Heard, right: Heard) -> Copy:
    found, runs = one_voice(left, right, same_words(left.tokens, right.tokens))
    swapped, _ = one_voice(right, left, same_words(right.tokens, left.tokens))
    other = {Copy.LEFT: Copy.RIGHT, Copy.RIGHT: Copy.LEFT, Copy.NEITHER: Copy.NEITHER}
    assert swapped is other[found], "it depends on who is called left"
    assert found is Copy.NEITHER or runs
    return found


@pytest.mark.parametrize("lag", [-0.4, -0.1, 0.0, 0.1, 0.4, 1.2])
def test_the_quieter_one_is_the_copy(lag: float) -> None:
    """Within what clocks may be wrong, the level holds also where the lag says otherwise."""
    assert copy(heard("a", 10.0 + lag, 12.0), heard("b", 10.0)) is Copy.LEFT


@pytest.mark.parametrize("lag", [-1.2, -0.7])
def test_neither_where_the_quieter_one_is_far_too_early(lag: float) -> None:
    """No clock is that wrong: nothing that was said is hidden on such evidence."""
    assert copy(heard("a", 10.0 + lag, 12.0), heard("b", 10.0)) is Copy.NEITHER


@pytest.mark.parametrize("quieter", [0.0, 4.0, -4.0])
def test_the_later_one_where_the_level_does_not_tell(quieter: float) -> None:
    assert copy(heard("a", 10.3, quieter), heard("b", 10.0)) is Copy.LEFT
    assert copy(heard("a", 10.9, quieter), heard("b", 10.0)) is Copy.LEFT


@pytest.mark.parametrize("lag", [-0.3, 0.0, 0.2, 1.1])
def test_two_voices_as_loud_as_ever_are_two_people(lag: float) -> None:
    assert copy(heard("a", 10.0 + lag), heard("b", 10.0, 2.0, shape=2)) is Copy.NEITHER


def test_a_quiet_leg_of_another_shape_is_still_a_copy() -> None:
    """Its own noise, or a voice over it, may have bent the shape."""
    assert copy(heard("a", 10.2, 15.0), heard("b", 10.0, shape=2)) is Copy.LEFT


@pytest.mark.parametrize("quieter", [-3.0, 0.0, 3.0, 6.0])
def test_two_who_are_a_little_off_their_usual_voices_are_two_all_the_same(quieter: float) -> None:
    assert copy(heard("a", 10.2, quieter), heard("b", 10.0, shape=2)) is Copy.NEITHER


def test_without_levels_lag_and_confidence_tell() -> None:
    deaf = [Heard(h.said, h.tokens) for h in (heard("a", 10.2), heard("b", 10.0))]
    assert copy(*deaf) is Copy.LEFT
    unsure = heard("a", 9.97, sure=0.5)
    assert copy(Heard(unsure.said, unsure.tokens), deaf[1]) is Copy.LEFT


def test_where_one_usual_level_is_not_known_the_other_tells() -> None:
    first = heard("b", 10.0)
    unknown = Heard(first.said, first.tokens, first.levels)
    assert copy(heard("a", 9.8, 12.0), unknown) is Copy.LEFT


def test_a_leg_that_has_said_nothing_yet_is_the_copy_where_it_is_much_quieter() -> None:
    """Its clock is early; all that is known of it is that the other leg is louder by far."""
    silent, first = heard("a", 9.8, 15.0), heard("b", 10.0)
    silent = Heard(silent.said, silent.tokens, silent.levels)
    assert copy(silent, first) is Copy.LEFT
    assert copy(silent, Heard(first.said, first.tokens, first.levels)) is Copy.LEFT


def test_a_leg_whose_usual_level_is_that_of_leaks_is_told_by_the_other_leg() -> None:
    """Leaks that were told before their source are taken for the leg's own speech at first."""
    leak, source = heard("a", 9.8, 15.0), heard("b", 10.0)
    assert leak.usual is not None
    assert copy(replace(leak, usual=leak.usual - 15.0), source) is Copy.LEFT


def test_a_quiet_microphone_alone_makes_no_copy_of_what_was_said_into_it() -> None:
    """8 dB may be the gain of a line: the lag decides."""
    quiet, loud = heard("a", 9.7, 8.0), heard("b", 10.0)
    unknown = [Heard(h.said, h.tokens, h.levels) for h in (quiet, loud)]
    assert copy(*unknown) is Copy.RIGHT
