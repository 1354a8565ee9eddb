"""References and serial numbers."""

from __future__ import annotations

import pytest

from callscribe.agents.entities.references import asks_for_one, find_answers, find_references
from tests.agents.entities.lines import digits, heard, values


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("fr", "B comme Berthe, 2, 4, tiret 7", ["B24-7"]),
        ("fr", "c'est b comme berthe, deux, quatre, tiret, sept merci", ["B24-7"]),
        ("fr", "S N deux quatre sept", ["SN247"]),
        ("fr", "double v 4 5 6", ["W456"]),
        ("fr", "le AB-12345 et SN4817/B", ["AB-12345", "SN4817/B"]),
        ("fr", "numéro de série 42 17", ["4217"]),
        ("fr", "le numéro de dossier c'est le quarante-deux dix-sept", ["4217"]),
        ("en", "B as in Bravo two four dash seven", ["B24-7"]),
        ("en", "my serial number is four eight one seven", ["4817"]),
        ("en", "the order number is 12345", ["12345"]),
    ],
)
def test_they_are_put_together(language: str, text: str, found: list[str]) -> None:
    assert values(find_references(digits(text, language), language)) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "il y a 25 ans"),
        ("fr", "A 25 ans, on est bien"),
        ("fr", "j'ai 4817 amis"),
        ("fr", "l'eau, c'est 12 degrés"),
        ("en", "I have 4 or 5"),
        ("en", "A B C"),
        ("en", "OK 12"),
    ],
)
def test_other_words_are_none(language: str, text: str) -> None:
    assert values(find_references(digits(text, language), language)) == []


def test_its_words_are_known() -> None:
    text = "la voici : B comme Berthe, 2, 4, tiret 7 voilà"
    expected = "B comme Berthe, 2, 4, tiret 7"
    assert heard(text, "fr", lambda line: find_references(line, "fr")) == [expected]


def test_the_answer_to_the_question_for_one_is_one() -> None:
    assert asks_for_one("Pouvez-vous me donner le numéro de série ?", "fr")
    assert asks_for_one("Could you give me the serial number?", "en")
    assert not asks_for_one("Quelle heure est-il ?", "fr")
    assert not asks_for_one("seriennummer", "de")
    assert values(find_answers(digits("Bien sûr, c'est le 42 17."))) == ["4217"]
    assert values(find_answers(digits("j'en ai 12"))) == []
