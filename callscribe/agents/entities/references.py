"""References and serial numbers, spelled, written, or named as such.

May import ``agents.entities.line``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from callscribe.agents.entities.line import Found, Line

LEAST = 4
"""Letters and digits of a reference that is spelled."""

_MARKS = {
    "tiret": "-", "trait d'union": "-", "dash": "-", "hyphen": "-", "minus": "-", "-": "-",
    "slash": "/", "barre oblique": "/", "/": "/", "underscore": "_",
}  # fmt: skip
_LETTER = (
    r"(?:(?P<letter>[A-Za-z])(?:\s+comme|\s+as\s+in|\s+for|\s+like)\s+(?P<name>[^\W\d_]+)"
    r"|(?P<double>[Dd]ouble\s+(?:[Vv]|[Uu]))\b"
    r"|(?P<capital>[A-Z])(?![\w'’]))"
)
_ITEM = re.compile(
    rf"(?<![\w'’])(?:{_LETTER}|(?P<digits>\d{{1,12}})(?![\w€$£%])"
    r"|(?P<mark>tiret|trait d['’]union|dash|hyphen|minus|slash|barre oblique|underscore)\b)"
    r"|(?<=[\w\s])(?P<sign>[\-/])(?=[\w\s])"
)
_GLUE = re.compile(r"[\s,.]{0,3}")
_WRITTEN = re.compile(
    r"(?<![\w@.])(?=[A-Z0-9\-/]*\d)(?=[A-Z0-9\-/]*[A-Z])[A-Z0-9]+(?:[\-/][A-Z0-9]+)*(?!\w)"
)
_CUE = {
    "fr": r"num[ée]ro\s+(?:de\s+)?(?:s[ée]rie|dossier|contrat|commande|client|facture)"
    r"|r[ée]f[ée]rence|dossier|num[ée]ro\s+d['’]intervention",
    "en": r"serial(?:\s+number)?|reference(?:\s+number)?"
    r"|(?:order|case|ticket|account|invoice|contract|customer|confirmation)\s+number",
}
_ANSWER = (
    r"(?:\W+(?:est|c['’]est|le|la|numéro|is|it|it['’]s|s|the|number|for|pour|de|of|client)\b)*"
    r"\W{1,3}"
)

_ASKED = {base: re.compile(cue, re.IGNORECASE) for base, cue in _CUE.items()}
_NAMED = {
    base: re.compile(
        rf"\b(?:{cue}){_ANSWER}(?P<number>\d+(?:[\s\-]\d+)*)(?![\w€$£%])", re.IGNORECASE
    )
    for base, cue in _CUE.items()
}


def find_references(line: Line, language: str) -> Iterator[Found]:
    """Letters and digits one by one, codes as they are written, numbers that are called so."""
    taken: list[tuple[int, int]] = []
    for found in (*_spelled(line), *_written(line), *_named(line, language)):
        if not any(found.start < end and start < found.end for start, end in taken):
            taken.append((found.start, found.end))
            yield found


def asks_for_one(text: str, language: str) -> bool:
    """Whether a text speaks of a reference, so that a bare number in the answer is one."""
    asked = _ASKED.get(language.lower().split("-")[0])
    return bool(asked and asked.search(text))


def find_answers(line: Line) -> Iterator[Found]:
    """Bare numbers of a line that answers the question for a reference."""
    for match in re.finditer(r"(?<![\w.,])\d+(?:[\s\-]\d+)*(?![\w€$£%]|[.,]\d)", line.text):
        value = re.sub(r"\s", "", match[0])
        if len(value.replace("-", "")) >= LEAST:
            yield Found("reference", value, *match.span())


def _spelled(line: Line) -> Iterator[Found]:
    run: list[re.Match[str]] = []
    for match in _ITEM.finditer(line.text):
        if run and not _GLUE.fullmatch(line.text, run[-1].end(), match.start()):
            yield from _reference(run)
            run = []
        run.append(match)
    yield from _reference(run)


def _reference(run: list[re.Match[str]]) -> Iterator[Found]:
    while run and (run[0]["mark"] or run[0]["sign"]):
        run = run[1:]
    while run and (run[-1]["mark"] or run[-1]["sign"]):
        run = run[:-1]
    letters = [m for m in run if m["letter"] or m["capital"] or m["double"]]
    digits = [m for m in run if m["digits"]]
    value = "".join(_sign(match) for match in run)
    if letters and digits and sum(c.isalnum() for c in value) >= LEAST:
        yield Found("reference", value, run[0].start(), run[-1].end())


def _sign(match: re.Match[str]) -> str:
    if match["double"]:
        return "W"
    mark = match["mark"] or match["sign"]
    if mark:
        return _MARKS[mark.replace("’", "'")]
    return str(match["digits"] or match["letter"] or match["capital"]).upper()


def _written(line: Line) -> Iterator[Found]:
    for match in _WRITTEN.finditer(line.text):
        if sum(c.isalnum() for c in match[0]) >= LEAST:
            yield Found("reference", match[0], *match.span())


def _named(line: Line, language: str) -> Iterator[Found]:
    named = _NAMED.get(language.lower().split("-")[0])
    if named:
        for match in named.finditer(line.text):
            value = re.sub(r"\s", "", match["number"])
            if len(value.replace("-", "")) >= LEAST:
                yield Found("reference", value, *match.span("number"))
