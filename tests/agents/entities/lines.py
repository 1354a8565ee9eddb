"""What the finders find, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from callscribe.agents.entities.line import Found, Line, as_written, in_digits
from tests.agents.working import words


def digits(text: str, language: str = "fr") -> Line:
    return in_digits(words(text), language)


def written(text: str) -> Line:
    return as_written(words(text))


def values(found: Iterable[Found]) -> list[str]:
    return [f"{one.value} {one.currency}".strip() for one in found]


def heard(text: str, language: str, find: Callable[[Line], Iterable[Found]]) -> list[str]:
    """The words that what was found stands in."""
    line, said = digits(text, language), text.split()
    spans = [line.words(one.start, one.end) for one in find(line)]
    return [" ".join(said[first : last + 1]) for first, last in spans]
