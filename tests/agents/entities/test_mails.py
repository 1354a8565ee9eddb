"""E-mail addresses."""

from __future__ import annotations

import pytest

from callscribe.agents.entities.mails import find_spoken, find_written
from tests.agents.entities.lines import digits, heard, values, written


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("fr", "jean point dupont arobase exemple point fr", "jean.dupont@exemple.fr"),
        ("fr", "jean tiret paul arobase g mail point com", "jean-paul@gmail.com"),
        ("fr", "j p dupont arobase free point fr", "jpdupont@free.fr"),
        ("fr", "jérôme tiret bas 12 arobase mon tiret site point co point uk",
         "jerome_12@mon-site.co.uk"),
        ("fr", "Marie.Curie arobase exemple.fr.", "marie.curie@exemple.fr"),
        ("en", "john dot smith at example dot com", "john.smith@example.com"),
        ("en", "j underscore s at mail dot example dot co dot uk", "j_s@mail.example.co.uk"),
    ],
)  # fmt: skip
def test_they_are_understood_when_they_are_said(language: str, text: str, found: str) -> None:
    assert values(find_spoken(digits(text, language), language)) == [found]


def test_they_are_found_when_they_are_written() -> None:
    line = written("à Jean.Dupont@exemple.fr, ou <a+b@c-d.org>.")
    assert values(find_written(line)) == ["jean.dupont@exemple.fr", "a+b@c-d.org"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "look at me"),
        ("en", "meet at the point"),
        ("fr", "un point c'est tout"),
        ("fr", "arobase"),
        ("de", "hans punkt at web punkt de"),
        ("fr", "a point " * 100),
    ],
)
def test_other_words_are_none(language: str, text: str) -> None:
    assert values(find_spoken(digits(text, language[:2].replace("de", "en")), language)) == []


def test_what_leads_to_it_is_no_part_of_it() -> None:
    text = "mon mail c'est jean point dupont arobase exemple point fr merci"
    expected = "jean point dupont arobase exemple point fr"
    assert heard(text, "fr", lambda line: find_spoken(line, "fr")) == [expected]
