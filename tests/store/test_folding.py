"""Words as they are searched for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.store.folding import LONGEST_TEXT, LONGEST_WORD, fold, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("L'été, à Genève !", "l ete a geneve"),
        ("CŒUR cœur", "coeur coeur"),
        ("Straße", "strasse"),
        ("Łódź Ærø", "lodz aero"),
        ("ﬁn ²", "fin 2"),
        ("06 12-34", "06 12 34"),
        ("İstanbul", "istanbul"),
        ("今日は", "今 日 は"),
        ("हिन्दी भाषा", "हिनदी भाषा"),
        ("a_b.c@d", "a b c d"),
        ("…", ""),
    ],
)
def test_case_accents_and_signs_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_nothing_is_left_that_could_be_syntax(text: str) -> None:
    folded = fold(text)
    assert folded.split(" ") == words(text) or not folded
    assert all(letter.isalnum() or letter == " " or ord(letter) > 127 for letter in folded)
    assert words(folded) == words(text)
    assert words(text.upper().lower()) == words(text.lower().upper().lower())


def test_lengths_are_bounded() -> None:
    assert words("x" * 1000) == ["x" * LONGEST_WORD]
    assert len(fold("ﷺ word " * LONGEST_TEXT)) <= LONGEST_TEXT
