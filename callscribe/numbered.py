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
        found = _ID.fullmatch(one)
        if found is None:
            return one in self._others
        spans = self._spans.get(found[1])
        return spans is not None and bisect_right(spans, int(found[2])) % 2 == 1

    def add(self, one: str) -> None:
        """Takes an id in. Idempotent."""
        found = _ID.fullmatch(one)
        if found is None:
            self._others.add(one)
            return
        spans, number = self._spans.setdefault(found[1], []), int(found[2])
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
        found = _ID.fullmatch(one)
        if found is None:
            self._others.discard(one)
            return
        spans, number = self._spans.get(found[1], []), int(found[2])
        place = bisect_right(spans, number)
        if place % 2 == 0:
            return
        left = [] if spans[place - 1] == number else [spans[place - 1], number]
        right = [] if spans[place] == number + 1 else [number + 1, spans[place]]
        spans[place - 1 : place + 1] = [*left, *right]
