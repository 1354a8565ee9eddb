"""Telephone numbers, in E.164. May import ``agents.entities.line``."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from callscribe.agents.entities.line import Found, Line

_RUN = re.compile(r"(?:\+|\b(?:plus|\(\+)\s)?\s*\(?\d+(?:[\s.,\-/()]{1,3}\d+)*", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")

MOST = 18
"""Digits of a number, those of an international call before it included."""

NATIONAL = {
    "FR": r"0[1-9]\d{8}|00\d{8,14}",
    "GB": r"0[1-9]\d{8,9}|00\d{8,14}",
    "US": r"1?[2-9]\d{2}[2-9]\d{6}|011\d{8,14}",
    "CA": r"1?[2-9]\d{2}[2-9]\d{6}|011\d{8,14}",
}
"""What is dialled as a whole number, by region: without it every reference would be one."""

PLAIN = {"FR"}
"""Where what is dialled is unlike any other number, so that one not given out yet is taken too."""

REGIONS = {"fr": ("FR",), "fr-ca": ("CA",), "en": ("US", "GB"), "en-gb": ("GB",)}


def find_phones(line: Line, language: str) -> Iterator[Found]:
    """The numbers in a line that are valid where the language is spoken, or anywhere with a +."""
    lower = language.lower()
    regions = REGIONS.get(lower) or REGIONS.get(lower.split("-")[0], ())
    for run in _RUN.finditer(line.text):
        groups = list(_DIGITS.finditer(line.text, run.start(), run.end()))
        plus = run[0].lstrip().lower().startswith(("+", "plus", "(+"))
        place = 0
        while place < len(groups):
            begin, end, value = _longest(groups, place, regions, plus=plus and place == 0)
            if value:
                start = run.start() if plus and begin == 0 else groups[begin].start()
                yield Found("phone", value, start, groups[end].end())
                place = end
            place += 1


def _longest(
    groups: list[re.Match[str]], begin: int, regions: tuple[str, ...], *, plus: bool
) -> tuple[int, int, str]:
    """The longest number that begins with a group of digits; "" where there is none."""
    for end in range(min(len(groups), begin + MOST) - 1, begin - 1, -1):
        digits = "".join(group[0] for group in groups[begin : end + 1])
        if not 7 <= len(digits) <= MOST:
            continue
        for text, region in [(f"+{digits}", None)] if plus else [(digits, r) for r in regions]:
            if region is None or re.fullmatch(NATIONAL[region], text):
                value = _valid(text, region)
                if value:
                    return begin, end, value
    return begin, begin, ""


def _valid(text: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    sure = phonenumbers.is_valid_number(number)
    if not sure and not (region in PLAIN and phonenumbers.is_possible_number(number)):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
