"""Telephone numbers."""

from __future__ import annotations

import pytest

from callscribe.agents.entities.phones import find_phones
from tests.agents.entities.lines import digits, heard, values


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("fr", "zéro six douze trente-quatre cinquante-six soixante-dix-huit", ["+33612345678"]),
        ("fr", "zéro un, quarante-deux, soixante, dix, zéro sept", ["+33142601007"]),
        ("fr", "le 06.12.34.56.78 ou le 0145678912", ["+33612345678", "+33145678912"]),
        ("fr", "au 06 39 98 45 27.", ["+33639984527"]),
        ("fr", "plus trente-trois six douze trente-quatre cinquante-six sept huit",
         ["+33612345678"]),
        ("fr", "code 12 06 12 34 56 78", ["+33612345678"]),
        ("fr-FR", "0033 6 12 34 56 78", ["+33612345678"]),
        ("fr-CA", "le 514 555 2368", ["+15145552368"]),
        ("en", "two one two five five five one two three four", ["+12125551234"]),
        ("en", "two one two, double five five, one two three four", ["+12125551234"]),
        ("en", "it is (212) 555-1234 thanks", ["+12125551234"]),
        ("en-GB", "oh two oh seven nine four six oh nine five eight", ["+442079460958"]),
        ("en", "+44 20 7946 0958", ["+442079460958"]),
        ("de", "+49 30 901820", ["+4930901820"]),
    ],
)  # fmt: skip
def test_they_are_found_in_e164(language: str, text: str, found: list[str]) -> None:
    assert values(find_phones(digits(text, language[:2]), language)) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "le dossier 4812 123 45 67 89"),
        ("fr", "06 12 34 56"),
        ("fr", "le 12 mars 2026 à 14 heures"),
        ("en", "order 1234567890"),
        ("en", "in 1990 and 2026"),
        ("fr", "1 " * 500),
    ],
)
def test_other_numbers_are_none(language: str, text: str) -> None:
    assert values(find_phones(digits(text, language), language)) == []


def test_its_words_are_known() -> None:
    text = "mon numéro est le zéro six, douze, trente-quatre, cinquante-six, sept huit merci"
    expected = "zéro six, douze, trente-quatre, cinquante-six, sept huit"
    assert heard(text, "fr", lambda line: find_phones(line, "fr")) == [expected]
