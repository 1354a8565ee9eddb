"""Sums of money."""

from __future__ import annotations

import pytest

from callscribe.agents.entities.amounts import find_amounts
from tests.agents.entities.lines import digits, values


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("fr", "quarante-neuf euros quatre-vingt-dix", ["49.90 EUR"]),
        ("fr", "quarante-neuf euros quatre-vingt-dix par mois", ["49.90 EUR"]),
        ("fr", "quarante-neuf euros et dix centimes", ["49.10 EUR"]),
        ("fr", "mille deux cents euros", ["1200.00 EUR"]),
        ("fr", "1 200,50 € puis 1.200 €", ["1200.50 EUR", "1200.00 EUR"]),
        ("fr", "trois virgule cinq euros", ["3.50 EUR"]),
        ("fr", "deux millions d'euros", ["2000000.00 EUR"]),
        ("fr", "vingt euros trente fois", ["20.00 EUR"]),
        ("fr", "cinquante centimes", ["0.50 EUR"]),
        ("fr", "dix livres sterling et dix francs suisses", ["10.00 GBP", "10.00 CHF"]),
        ("en", "forty nine dollars", ["49.00 USD"]),
        ("en", "forty nine dollars and fifty cents", ["49.50 USD"]),
        ("en", "$1,299.99 or £20.", ["1299.99 USD", "20.00 GBP"]),
        ("en", "fifty cents", ["0.50 USD"]),
    ],
)
def test_they_are_decimal_with_a_currency(language: str, text: str, found: list[str]) -> None:
    assert values(find_amounts(digits(text, language), language)) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "twenty pounds of flour"), ("fr", "dix livres"), ("fr", "l'euro"), ("en", "a dollar")],
)
def test_other_numbers_are_none(language: str, text: str) -> None:
    assert values(find_amounts(digits(text, language), language)) == []
