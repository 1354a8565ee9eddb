"""The order of the tries: all gateways in turn at each level, and all of that again.

So what the machine does meanwhile falls on all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.relay.tally import counts

ENOUGH: Final = 2
"""Levels that a gateway fails one after the other; higher ones are then left out."""

Try = Callable[[str, int], Mapping[str, Any]]
"""Tries a gateway, by name, with so many legs."""


def tries(
    names: Sequence[str],
    levels: Sequence[int],
    repeats: int,
    attempt: Try,
    *,
    enough: int = ENOUGH,
) -> Iterator[dict[str, Any]]:
    """What was measured, as it comes; ``enough`` 0 leaves nothing out."""
    for repeat in range(repeats):
        failed = dict.fromkeys(names, 0)
        for legs in sorted(levels):
            # Who is first is last the next time.
            for name in names if repeat % 2 == 0 else reversed(names):
                if not enough or failed[name] < enough:
                    one = {"repeat": repeat + 1, **attempt(name, legs)}
                    if counts(one):
                        failed[name] = failed[name] + 1 if one["faults"] else 0
                    yield one
