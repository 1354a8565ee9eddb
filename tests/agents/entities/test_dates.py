"""Days, seen from Monday, 30 November 2026."""

from __future__ import annotations

from datetime import date

import pytest

from callscribe.agents.entities.dates import find_dates
from tests.agents.entities.lines import digits, heard, values

CALLED = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("fr", "le douze mars", ["2027-03-12"]),
        ("fr", "commandé le dix novembre", ["2026-11-10"]),
        ("fr", "le premier avril deux mille vingt-huit", ["2028-04-01"]),
        ("fr", "vendredi 12 mars", ["2027-03-12"]),
        ("fr", "vendredi 14 mars", ["2025-03-14"]),
        ("fr", "mardi prochain", ["2026-12-01"]),
        ("fr", "La pièce arrive jeudi.", ["2026-12-03"]),
        ("fr", "lundi dernier", ["2026-11-23"]),
        ("fr", "demain ou après-demain", ["2026-12-01", "2026-12-02"]),
        ("fr", "hier et avant-hier", ["2026-11-29", "2026-11-28"]),
        ("fr", "aujourd'hui", ["2026-11-30"]),
        ("fr", "dans trois jours", ["2026-12-03"]),
        ("fr", "il y a deux semaines", ["2026-11-16"]),
        ("fr", "le 03/12/2026", ["2026-12-03"]),
        ("fr", "le 31 février", []),
        ("fr", "je mardis, on marche, les mars", []),
        ("en", "next Tuesday", ["2026-12-01"]),
        ("en", "last Friday", ["2026-11-27"]),
        ("en", "Friday, March 12th, at 9", ["2027-03-12"]),
        ("en", "the twelfth of march twenty twenty eight", ["2028-03-12"]),
        ("en", "tomorrow or the day after tomorrow", ["2026-12-01", "2026-12-02"]),
        ("en", "in three days, two weeks ago", ["2026-12-03", "2026-11-16"]),
        ("en", "03/12/2026", ["2026-03-12"]),
        ("en-GB", "03/12/2026", ["2026-12-03"]),
        ("en", "it may march on", []),
        # Without a year: the next one, unless the words speak of the past.
        ("fr", "on dit mardi", ["2026-12-01"]),
        ("fr", "on dit lundi", ["2026-12-07"]),
        ("fr", "je vous propose le 3 mars", ["2027-03-03"]),
        ("fr", "le vingt-cinq novembre", ["2027-11-25"]),
        ("fr", "le 30 novembre", ["2026-11-30"]),
        ("fr", "le 29 février", ["2028-02-29"]),
        ("fr", "elle est tombée en panne le 29 février", ["2024-02-29"]),
        ("fr", "Le technicien est passé mardi.", ["2026-11-24"]),
        ("fr", "le 3 mars dernier", ["2026-03-03"]),
        ("fr", "il est venu mardi, il revient jeudi", ["2026-11-24", "2026-12-03"]),
        ("fr", "il est venu mercredi 25 novembre", ["2026-11-25"]),
        ("fr", "il est venu, et mardi prochain il revient", ["2026-12-01"]),
        ("en", "let's say Tuesday", ["2026-12-01"]),
        ("en", "the appointment is on March 3rd", ["2027-03-03"]),
        ("en", "on the 25th of November", ["2027-11-25"]),
        ("en", "I called on the 25th of November", ["2026-11-25"]),
        ("en", "he came on Friday", ["2026-11-27"]),
        ("en", "March 3rd last year", ["2026-03-03"]),
        ("de", "morgen", []),
    ],
)
def test_they_are_days(language: str, text: str, found: list[str]) -> None:
    line = digits(text, "fr" if language == "fr" else "en")
    assert sorted(values(find_dates(line, language, CALLED))) == sorted(found)


def test_its_words_are_known() -> None:
    text = "rendez-vous mardi prochain à dix heures"
    assert heard(text, "fr", lambda line: find_dates(line, "fr", CALLED)) == ["mardi prochain"]
