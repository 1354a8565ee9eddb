"""Words as a line, with numbers in digits, that still knows its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.agents.entities.line import _PIECE, PAUSE, in_digits
from callscribe.transcript import Word
from tests.agents.entities.lines import digits, written
from tests.agents.working import words


@pytest.mark.parametrize(
    ("language", "text", "line"),
    [
        ("fr", "zéro six douze trente-quatre", "06 12 34"),
        ("fr", "soixante, dix", "60, 10"),
        ("fr", "soixante dix", "70"),
        ("fr", "trois virgule cinq", "3,5"),
        ("fr", "l'autre rendez-vous", "l'autre rendez-vous"),
        ("fr", "B-12 et 06-12", "B-12 et 06-12"),
        ("en", "nine oh two double four", "9 0 2 44"),
        ("en", "oh dear", "oh dear"),
        ("en", "the twelfth", "the 12th"),
    ],
)
def test_numbers_are_in_digits(language: str, text: str, line: str) -> None:
    assert digits(text, language).text == line


@given(text=st.text(min_size=1).filter(str.isalnum))
def test_letters_and_digits_alone_are_one_piece(text: str) -> None:
    assert _PIECE.findall(text) == [text]


def test_a_pause_divides_numbers() -> None:
    said = (Word("soixante", 0, 0.5, 1), Word("dix", 0.5 + PAUSE + 0.1, 2, 1))
    assert in_digits(said, "fr").text == "60 10"


def test_a_stretch_of_the_text_knows_its_words() -> None:
    line = digits("le zéro six, douze euros")
    start = line.text.index("06")
    assert line.words(start, start + 2) == (1, 2)
    start = line.text.index("12")
    assert line.words(start, start + 2) == (3, 3)


def test_as_written_is_as_written() -> None:
    assert written("deux mots, là").text == "deux mots, là"


@given(st.lists(st.text(min_size=1, max_size=8), max_size=12), st.sampled_from(["fr", "en"]))
def test_whatever_is_said_every_character_has_its_words(texts: list[str], language: str) -> None:
    said = words(" ".join(texts))
    line = in_digits(said, language)
    spans = [line.words(place, place + 1) for place in range(len(line.text))]
    assert spans == sorted(spans), "in order"
    assert all(0 <= first <= last < len(said) for first, last in spans)
