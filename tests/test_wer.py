"""The word error rate, held against another implementation."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.wer import WordErrors, align, normalize, word_errors

WORDS = st.lists(st.sampled_from("abcdef"), max_size=20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L’écran, c'est NOIR !", ["l", "écran", "c", "est", "noir"]),
        ("Peut-être… 3,5 ou 3.5 ?", ["peut", "être", "3,5", "ou", "3.5"]),
        ("à 14 h 30, « oui ».", ["à", "14", "h", "30", "oui"]),
        ("e\u0301tat ﬁxe", ["état", "fixe"]),
        (" ... ", []),
    ],
)
def test_what_is_compared(text: str, words: list[str]) -> None:
    assert normalize(text) == words


def test_errors_are_counted_by_kind() -> None:
    errors = word_errors("le voyant est rouge ce matin", "le voyant clignote est rouge se")
    assert (errors.hits, errors.substitutions, errors.deletions, errors.insertions) == (4, 1, 1, 1)
    assert errors.rate == pytest.approx(3 / 6)
    assert errors.recall == pytest.approx(4 / 6)


def test_nothing_to_say() -> None:
    assert word_errors("", "") == WordErrors(0, 0, 0, 0, 0)
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "oui").rate == 1.0
    assert word_errors("oui", "").rate == 1.0
    assert word_errors("", "").recall == 1.0


@given(WORDS.filter(bool), WORDS)
def test_the_rate_is_that_of_jiwer(reference: list[str], hypothesis: list[str]) -> None:
    mine = align(reference, hypothesis)
    theirs = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    assert mine.rate == pytest.approx(theirs.wer)
    assert mine.hits + mine.substitutions + mine.deletions == len(reference)
    assert mine.hits + mine.substitutions + mine.insertions == len(hypothesis)
