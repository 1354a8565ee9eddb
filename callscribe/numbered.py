"""A set of ids that end in numbers, such as ``agent-12``.

Where no number is left out it takes no more memory for many than for one. Core; imports nothing of
ours.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

_ID: Final = re.compile("(.*-)(0|[1-9][0-9]{0,17})")


class Numbered:
    """A set of ids."""

    __slots__ = ("_others", "_spans")

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._spans: dict[str, list[int]] = {}
        """By what stands before the number: where spans of numbers begin and end, in turn."""
        self._others: set[str] = set()
        for one in ids:
            self.add(one)

    def __contains__(self, one: str) -> bool:
        found = self._find(one)
        if found is None:
            return one in self._others
        spans, number = found
        return bisect_right(spans, number) % 2 == 1

    def add(self, one: str) -> None:
        """Takes an id in. Idempotent."""
        found = self._find(one)
        if found is None:
            self._others.add(one)
            return
        spans, number = found
        place = bisect_right(spans, number)
        if place % 2:  # it is there
            return
        behind = place < len(spans) and spans[place] == number + 1
        if place and spans[place - 1] == number:  # right behind a span
            if behind:
                del spans[place - 1 : place + 1]
            else:
                spans[place - 1] = number + 1
        elif behind:
            spans[place] = number
        else:
            spans[place:place] = [number, number + 1]

    def discard(self, one: str) -> None:
        """Takes an id out, if it is there."""
        if one not in self:
            return
        found = self._find(one)
        if found is None:
            self._others.discard(one)
            return
        spans, number = found
        place = bisect_right(spans, number)
        left = [] if spans[place - 1] == number else [spans[place - 1], number]
        right = [] if spans[place] == number + 1 else [number + 1, spans[place]]
        spans[place - 1 : place + 1] = [*left, *right]

    def _find(self, one: str) -> tuple[list[int], int] | None:
        """The spans that an id's number belongs to, and that; None where it has none."""
        found = _ID.fullmatch(one)
        return found and (self._spans.setdefault(found[1], []), int(found[2]))
