"""Days, in ISO form, seen from the day of the call.

One that is said without its year is the next one, or the last one where the words around it speak
of the past (see ``tense``); a weekday that is said with it decides where it fits one year only. May
import ``agents.entities.line`` and ``agents.entities.tense``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

import dateparser  # type: ignore[import-untyped]

from callscribe.agents.entities.line import Found, Line
from callscribe.agents.entities.tense import is_past

_PARSING = threading.Lock()
"""The parser keeps what it learned in places that all threads share."""

MOST_KNOWN: Final = 1000
"""Words for days that are remembered: to parse one takes as long as all else together, and finals
say it again and again while their utterance grows.
"""

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
            past = is_past(line.text[: match.start()], line.text[match.end() :], base)
            day = _day(name, match, base, language, called, past=past)
            if day is not None:
                taken.append(match.span())
                yield Found("date", day.isoformat(), *match.span())


def _day(
    name: str, match: re.Match[str], base: str, language: str, called: date, *, past: bool
) -> date | None:
    if name == "week":
        back = not match["ahead"] and bool(match["back"] or past)
        return _parse(match["weekday"], base, called, ahead=not back)
    if name == "relative":
        return _relative(match[0], base, called)
    if name == "day":
        return _of_a_month(match.groupdict(), base, called, past=past)
    order = "MDY" if language.lower() in ("en", "en-us") else "DMY"
    return _parse(match[0], base, called, order=order if "-" not in match[0] else "YMD")


def _relative(text: str, base: str, called: date) -> date | None:
    words = re.sub(r"[\s-]+", " ", text.casefold().replace("’", "'").replace("' ", "'"))
    days = {"avant hier": -2, "day before yesterday": -2, "the day before yesterday": -2}
    if words in days:
        return called + timedelta(days=days[words])
    return _parse(words.replace("après demain", "après-demain"), base, called)


def _of_a_month(said: dict[str, Any], base: str, called: date, *, past: bool) -> date | None:
    """A day of a month; without a year the next one, or the last one."""
    number = re.sub(r"\D", "", said["day"] or said["day2"])
    month = said["month"] or said["month2"]
    if said["year"]:
        year = int(re.sub(r"\s", "", said["year"]))
        return _parse(f"{number} {month} {year}", base, called)
    named = _parse(f"{number} {month} 2000", base, called)  # a year that has every day
    if named is None:
        return None
    # Eight years: in any such row, but one a century, there is a 29th of February.
    days = [*_each_year(named, range(called.year - 8, called.year + 9))]
    behind = sorted((day for day in days if day <= called), reverse=True)
    ahead = [day for day in days if day >= called]
    wanted = behind if past else ahead
    if said["weekday"]:
        fits = _DAYS[base].index(said["weekday"].casefold())
        near = [*wanted[:2], *(ahead if past else behind)[:2]]
        wanted = [day for day in near if day.weekday() == fits] or wanted
    return wanted[0] if wanted else None


def _each_year(named: date, years: range) -> Iterator[date]:
    for year in years:
        with suppress(ValueError):
            yield named.replace(year=year)


@lru_cache(MOST_KNOWN)
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
