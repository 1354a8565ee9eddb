"""Days, in ISO form, seen from the day of the call. May import ``agents.entities.line``."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import dateparser  # type: ignore[import-untyped]

from callscribe.agents.entities.line import Found, Line

_PARSING = threading.Lock()
"""The parser keeps what it learned in places that all threads share."""

_DAYS = {
    "fr": ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    "en": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
}
_MONTHS = {
    "fr": "janvier|février|fevrier|mars|avril|mai|juin|juillet|août|aout|septembre|octobre|"
    "novembre|décembre|decembre",
    "en": "january|february|march|april|may|june|july|august|september|october|november|december",
}
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\s?\d{2})\b)?"
_NUMERIC = r"(?<![\d/.\-])(?:\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2}))(?![\d/.\-])"
_AHEAD = {"fr": r"\s+prochaine?|\s+qui\s+vient", "en": "next"}
_BACK = {"fr": r"\s+derni(?:er|ère)|\s+passée?", "en": "last"}


def _patterns(base: str) -> dict[str, re.Pattern[str]]:
    days, months = "|".join(_DAYS[base]), _MONTHS[base]
    if base == "fr":
        day = rf"(?:(?P<weekday>{days})\s+)?(?P<day>\d{{1,2}}|1er)\s+(?P<month>{months})\b{_YEAR}"
        relative = (
            r"après[\s-]demain|avant[\s-]hier|demain|hier|aujourd['’]\s?hui"
            r"|(?:dans|il y a)\s+\d{1,3}\s+(?:jours?|semaines?|mois)"
        )
        week = rf"(?P<weekday>{days})(?P<ahead>{_AHEAD[base]})?(?P<back>{_BACK[base]})?"
    else:
        on = rf"(?:(?P<weekday>{days}),?\s+)?"
        nth = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
        month = rf"(?P<month>{months})"
        behind = rf"(?P<month2>{months})"
        nth2 = nth.replace("<day>", "<day2>")
        first, second = rf"{month}\s+(?:the\s+)?{nth}", rf"{nth2}\s+(?:of\s+)?{behind}"
        day = rf"{on}(?:the\s+)?(?:{first}|{second})\b{_YEAR}"
        relative = (
            r"(?:the\s+)?day\s+after\s+tomorrow|(?:the\s+)?day\s+before\s+yesterday"
            r"|tomorrow|yesterday|today|in\s+\d{1,3}\s+(?:days?|weeks?|months?)"
            r"|\d{1,3}\s+(?:days?|weeks?|months?)\s+ago"
        )
        week = rf"(?:(?P<ahead>next)\s+|(?P<back>last)\s+|this\s+)?(?P<weekday>{days})"
    named = {"day": day, "numeric": _NUMERIC, "relative": relative, "week": week}
    return {
        name: re.compile(rf"\b(?:{pattern})(?!\w)" if name != "numeric" else pattern, re.IGNORECASE)
        for name, pattern in named.items()
    }


_PATTERNS = {base: _patterns(base) for base in _DAYS}


def find_dates(line: Line, language: str, called: date) -> Iterator[Found]:
    """The days that are named in a line, for a call on the day ``called``."""
    base = language.lower().split("-")[0]
    taken: list[tuple[int, int]] = []
    for name, pattern in _PATTERNS.get(base, {}).items():
        for match in pattern.finditer(line.text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            day = _day(name, match, base, language, called)
            if day is not None:
                taken.append(match.span())
                yield Found("date", day.isoformat(), *match.span())


def _day(name: str, match: re.Match[str], base: str, language: str, called: date) -> date | None:
    if name == "week":
        ahead = not match["back"]
        return _parse(match["weekday"], base, called, ahead=ahead)
    if name == "relative":
        return _relative(match[0], base, called)
    if name == "day":
        return _of_a_month(match.groupdict(), base, called)
    order = "MDY" if language.lower() in ("en", "en-us") else "DMY"
    return _parse(match[0], base, called, order=order if "-" not in match[0] else "YMD")


def _relative(text: str, base: str, called: date) -> date | None:
    words = re.sub(r"[\s-]+", " ", text.casefold().replace("’", "'").replace("' ", "'"))
    days = {"avant hier": -2, "day before yesterday": -2, "the day before yesterday": -2}
    if words in days:
        return called + timedelta(days=days[words])
    return _parse(words.replace("après demain", "après-demain"), base, called)


def _of_a_month(said: dict[str, Any], base: str, called: date) -> date | None:
    """A day of a month; without a year the one on that weekday, else the one that is nearest."""
    number = re.sub(r"\D", "", said["day"] or said["day2"])
    month = said["month"] or said["month2"]
    if said["year"]:
        years = [int(re.sub(r"\s", "", said["year"]))]
    else:
        years = [called.year + more for more in (-1, 0, 1)]
    days = [_parse(f"{number} {month} {year}", base, called) for year in years]
    real = sorted((day for day in days if day), key=lambda day: abs((day - called).days))
    if said["weekday"]:
        fits = _DAYS[base].index(said["weekday"].casefold())
        real.sort(key=lambda day: day.weekday() != fits)
    return real[0] if real else None


def _parse(
    text: str, base: str, called: date, *, ahead: bool = True, order: str = "DMY"
) -> date | None:
    settings = {
        "RELATIVE_BASE": datetime.combine(called, time(12)),
        "PREFER_DATES_FROM": "future" if ahead else "past",
        "DATE_ORDER": order,
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    with _PARSING:
        found = dateparser.parse(text, languages=[base], settings=settings)
    return found.date() if found else None
