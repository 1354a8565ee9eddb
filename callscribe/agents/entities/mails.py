"""E-mail addresses, written and said. May import ``agents.entities.line``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from callscribe.agents.entities.line import Found, Line

_WRITTEN = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_MARKS = {
    "fr": {
        r"point": ".",
        r"tiret\s+(?:du\s+)?bas|underscore|souligné": "_",
        r"tiret|trait\s+d\W?union": "-",
    },
    "en": {
        r"dot|point|period": ".",
        r"under\s?score": "_",
        r"dash|hyphen": "-",
        r"plus": "+",
    },
}
_AT = {"fr": r"arobase|arobas|arrobase|at", "en": r"at(?:\s+sign)?"}


def find_written(line: Line) -> Iterator[Found]:
    """Addresses as they are typed."""
    if "@" not in line.text:
        return
    for match in _WRITTEN.finditer(line.text):
        text = match[0].strip(".-")
        start = match.start() + match[0].index(text)
        yield Found("email", text.lower(), start, start + len(text))


def find_spoken(line: Line, language: str) -> Iterator[Found]:
    """Addresses said as words: ``jean point dupont arobase exemple point fr``."""
    base = language.lower().split("-")[0]
    if base not in _MARKS or not _says_at(base).search(line.text):
        return
    for match in _spoken(base).finditer(line.text):
        local = _letters(match["local"], base)
        domain = _letters(match["domain"], base)
        if local and re.fullmatch(r"(?:[a-z0-9\-]+\.)+[a-z]{2,18}", domain):
            yield Found("email", f"{local}@{domain}", match.start("local"), match.end("domain"))


@cache
def _says_at(base: str) -> re.Pattern[str]:
    """What every address has, and hardly another utterance: the rest takes thirty times as long."""
    return re.compile(rf"\s(?:{_AT[base]}|@)\s", re.IGNORECASE)


@cache
def _spoken(base: str) -> re.Pattern[str]:
    mark = rf"(?:{'|'.join(_MARKS[base])}|[._\-+])"
    at = rf"(?:{_AT[base]}|@)"
    # A part is a word; letters and digits that are spelled are one part, each with its space.
    part = rf"(?:(?!(?:{mark}|{at})\b)(?:(?:[^\W_](?:\s|-|,\s))+[^\W_]+|[^\W_]+))"
    joint = rf"(?:\s*[._\-+]\s*|\s+{mark}\s+)"
    # "g mail": what stands before the first dot may be two words.
    name = rf"{part}(?:\s{part})?"
    return re.compile(
        rf"\b(?P<local>{part}(?:{joint}{part})*),?\s+{at}\s+"
        rf"(?P<domain>{name}(?:{joint}{part})+)\b",
        re.IGNORECASE,
    )


def _letters(text: str, base: str) -> str:
    """What is typed for words: marks as signs, no spaces, no accents."""
    for words, sign in _MARKS[base].items():
        text = re.sub(rf"\s*\b(?:{words})\b\s*", sign, text, flags=re.IGNORECASE)
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9._+\-]", "", plain)
