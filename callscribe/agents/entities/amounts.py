"""Sums of money, as a decimal number and an ISO currency. May import ``agents.entities.line``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

from callscribe.agents.entities.line import Found, Line

_NAMES = {
    "EUR": r"euros?|€|EUR",
    "USD": r"dollars?|\$|USD",
    "GBP": r"pounds?(?:\s+sterling)?(?!\s+of\b)|livres?\s+sterling|£|GBP",
    "CHF": r"francs?\s+suisses?|swiss\s+francs?|CHF",
}
_CENTS = {"EUR": r"centimes?|cents?", "USD": r"cents?", "GBP": r"pence|p", "CHF": r"centimes?"}
_NUMBER = r"\d{1,3}(?:[\s\u202f\u00a0.,]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d)"
_AFTER = r"(?=\s*(?:[.,;:!?…)]|$)|\s+(?:par|per|a|each|pour|for|et|and|ttc|hors|ht|chacun|au|en)\b)"
"""What may follow "49 euros 90": a noun would make the 90 its own number."""

_ALONE = {"fr": (r"centimes?", "EUR"), "en": (r"cents?", "USD")}

_MONEY = re.compile(
    "|".join([*_NAMES.values(), *(cents for cents, _ in _ALONE.values())]), re.IGNORECASE
)
"""What every sum has, and hardly another utterance: the rest takes ten times as long."""


def find_amounts(line: Line, language: str) -> Iterator[Found]:
    """Sums with the unit behind, and with the sign before."""
    if not _MONEY.search(line.text):
        return
    taken: list[tuple[int, int]] = []
    for currency, names in _NAMES.items():
        for match in _behind(names, _CENTS[currency]).finditer(line.text):
            taken.append(match.span())
            yield _found(match, currency)
        for match in _before(names).finditer(line.text):
            if not _within(match.span(), taken):
                taken.append(match.span())
                yield _found(match, currency)
    cents = _ALONE.get(language.lower().split("-")[0])
    if cents:
        for match in re.finditer(rf"\b(\d{{1,2}})\s+(?:{cents[0]})\b", line.text, re.IGNORECASE):
            if not _within(match.span(), taken):
                value = Decimal(match[1]) / 100
                yield Found("amount", f"{value:.2f}", *match.span(), currency=cents[1])


@cache
def _behind(names: str, cents: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\d.,])(?P<whole>{_NUMBER})\s*(?:d['’]\s*)?(?:{names})(?!\w)"
        rf"(?:,?\s+(?:et\s+|and\s+)?(?P<part>\d{{1,2}})(?:\s+(?:{cents})\b|{_AFTER}))?",
        re.IGNORECASE,
    )


@cache
def _before(names: str) -> re.Pattern[str]:
    signs = "|".join(re.escape(sign) for sign in "€$£" if sign in names)
    return re.compile(rf"(?:{signs or '(?!)'})\s?(?P<whole>{_NUMBER})(?P<part>(?!))?")


def _within(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _found(match: re.Match[str], currency: str) -> Found:
    value = _decimal(match["whole"])
    if match["part"]:
        value += Decimal(match["part"]) / 100
    return Found("amount", f"{value:.2f}", match.start(), match.end(), currency=currency)


def _decimal(text: str) -> Decimal:
    """``1 200``, ``1.200,50`` and ``1,200.50``: three digits behind a mark are thousands."""
    bare = re.sub(r"\s", "", text)
    bare = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", bare)
    return Decimal(bare.replace(",", "."))
