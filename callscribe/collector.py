"""When Python's collector looks for cycles: never in the middle of four hundred calls.

A look through everything that lives stops all calls, for 60 ms at ten of them and longer with more;
by itself Python takes one whenever a quarter has been added. What the program consists of never
goes, and is left out of all looks; what young calls leave behind is found by the small ones.
Imports nothing of Callscribe.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

YOUNG: Final = 2_000
"""Objects after which the youngest are looked through; a millisecond or two."""
GROWN: Final = 10
"""Looks at the youngest after which those that outlived one are looked through as well: ten
milliseconds. With ten times as much of both it was a tenth of a second, every ten seconds."""
NEVER: Final = 1 << 30
SHARE: Final = 1 / 500
"""The part of all time that looks through everything may take."""
SOONEST: Final = 60.0
"""Seconds between two of them, at the least."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Loads parts of the program without looks, which find nothing then and take a fifth of it.

    Leaves what is there at the end out of all later looks.
    """
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if looks:
            gc.enable()


def leave_out() -> None:
    """Leaves what is there now out of all later looks; takes no time."""
    gc.freeze()


def collect_all() -> None:
    """Looks through everything, also what was left out; for the end of the process."""
    gc.unfreeze()
    gc.collect()


def calm_collector() -> None:
    """Leaves what is there now out of all looks, and looks through the rest when asked only.

    To be called when the program has been loaded. Whoever calls it has to ``collect_rarely``.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, GROWN, NEVER)


async def collect_rarely(
    collect: Callable[[], object] = gc.collect, clock: Callable[[], float] = time.perf_counter
) -> None:
    """Looks through everything now and then, the longer it takes the more rarely."""
    wait = SOONEST
    while True:
        await asyncio.sleep(wait)
        began = clock()
        collect()
        wait = max(SOONEST, (clock() - began) / SHARE)
