"""Which words two legs both heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.same_words import is_telling, same_words, tokens
from callscribe.transcript import Word


def said(text: str, start: float = 10.0, pace: float = 0.3) -> tuple[Word, ...]:
    """Words one behind the other, ``pace`` seconds each."""
    return tuple(
        Word(word, start + n * pace, start + (n + 1) * pace, 0.9)
        for n, word in enumerate(text.split())
    )


def same(left: tuple[Word, ...], right: tuple[Word, ...]) -> list[str]:
    """The runs of words that both say and that tell a voice, as the left one says them."""
    mine = tuple(tokens(left))
    return [
        " ".join(mine[i].text for i, _ in run)
        for run in same_words(mine, tuple(tokens(right)))
        if is_telling(mine, run)
    ]


SENTENCE = "La pression de l'eau est normale ce matin"


def test_words_are_folded_and_split() -> None:
    assert [token.text for token in tokens(said("L'été, Peut-être ? 3,5"))] == [
        "l",
        "ete",
        "peut",
        "etre",
        "3,5",
    ]
    assert [token.word for token in tokens(said("L'été, oui"))] == [0, 0, 1]


@pytest.mark.parametrize("lag", [-1.4, -0.4, 0.0, 0.25, 1.4])
def test_the_same_sentence_a_little_earlier_or_later(lag: float) -> None:
    assert same(said(SENTENCE), said(SENTENCE, 10 + lag)) == [
        "la pression de l eau est normale ce matin"
    ]


@pytest.mark.parametrize("lag", [-1.6, 1.6, 3.0])
def test_not_much_earlier_or_later(lag: float) -> None:
    assert same(said(SENTENCE), said(SENTENCE, 10 + lag)) == []


def test_misheard_words_are_the_same_when_they_are_alike() -> None:
    assert same(said("Pressions de l'eau et normales ce matins"), said(SENTENCE, 9.7)) == [
        "pressions de l eau normales ce matins"
    ]
    assert not same(said("le poisson du bureau reste minimal ce soir"), said(SENTENCE))


def test_who_reads_back_is_no_leak() -> None:
    """The words are short and the answer comes behind them, not over them."""
    read = "le code quarante-deux"
    assert same(said(read), said(read, 10.3))
    assert not same(said(read), said(read, 11.1))


@pytest.mark.parametrize(
    "both", ["Oui", "Au revoir, merci beaucoup", "Bonjour monsieur, bonne journée", "il y a le"]
)
def test_what_two_may_say_at_once_is_not_enough(both: str) -> None:
    assert same(said(both), said(both)) == []


def test_few_words_are_found_all_the_same() -> None:
    """Whether they are one voice is told by something else."""
    mine, theirs = tuple(tokens(said("D'accord"))), tuple(tokens(said("d'accord", 10.2)))
    assert same_words(mine, theirs) == [[(0, 0), (1, 1)]]


def test_words_that_come_up_here_and_there_are_not_enough() -> None:
    one = "you are the first of three letters in the queue of the conference today"
    other = "but the shape of all capital letters and the art of our printing"
    assert same(said(one), said(other)) == []


def test_the_words_that_are_the_same_in_the_middle_of_others() -> None:
    left = said(f"{SENTENCE} d'accord je vais regarder cela")
    right = said(f"bonjour madame {SENTENCE}", 9.4)
    assert same(left, right) == ["la pression de l eau est normale ce matin"]


def test_a_word_that_is_out_of_time_is_another_one() -> None:
    """The lag of all others is 0; this one's is within bounds for itself, and not beside them."""
    left = said(f"{SENTENCE} encore", 10.0)
    right = (*said(SENTENCE, 10.0), Word("encore", left[-1].start + 1.0, left[-1].end + 1.0, 0.9))
    assert same(left, right) == ["la pression de l eau est normale ce matin"]


spoken = st.lists(
    st.tuples(st.sampled_from(SENTENCE.split()), st.floats(0, 8, allow_nan=False)), max_size=25
).map(lambda words: tuple(Word(text, at, at + 0.3, 0.9) for text, at in words))


@given(spoken, spoken)
def test_runs_go_forward_on_both_sides(left: tuple[Word, ...], right: tuple[Word, ...]) -> None:
    mine, theirs = tuple(tokens(left)), tuple(tokens(right))
    pairs = [pair for run in same_words(mine, theirs) for pair in run]
    assert pairs == sorted(pairs)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(abs(mine[i].start - theirs[j].start) <= 1.5 for i, j in pairs)
