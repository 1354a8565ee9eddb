"""How much memory the C library keeps back in this process. Imports nothing of Callscribe."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
from collections.abc import Callable
from typing import Final

import structlog

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Parameter numbers of ``mallopt``, from glibc's ``malloc.h``."""
ARENAS: Final = 2
LARGE: Final = 256 << 10
"""Bytes from which on a buffer is the kernel's, and goes back to it when it is freed. Seconds of
audio are some hundreds of kilobytes, which leave holes between what stays: fifty legs whose finals
are heard again held 300 MB where these were kept, and more each minute; 235 MB, and no more, so."""
LARGE_FOR_MODELS: Final = 8 << 20
"""The same beside a model, which takes and frees the same megabytes for each layer: a decode takes
a fifth longer where each of them is asked of the kernel anew."""
SPARE: Final = 32 << 20
"""Bytes that may stay free at the end of an arena."""

_log = structlog.get_logger(__name__)


def bound_arenas(*, models: bool = False) -> None:
    """Has glibc keep freed memory in two places instead of eight for each core.

    Buffers of many sizes are freed from several threads (sockets, store, decoder); by itself glibc
    opens an arena for nearly each thread and keeps what was freed in it. Does nothing elsewhere
    than on Linux with glibc. To be called before threads are many, and again with ``models`` where
    one is loaded.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, LARGE_FOR_MODELS if models else LARGE)
        mallopt(M_TRIM_THRESHOLD, SPARE)


def give_back() -> None:
    """Has glibc give freed memory back to the system; a few milliseconds.

    For behind something that took much memory once: loading a model leaves half its size behind.
    """
    malloc_trim = _of_glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


async def keep_small(every: float = 60.0) -> None:
    """Gives back what was freed every so many seconds, in a thread, until it is cancelled.

    Calls come and go, and what each of them leaves free between what stays would add up. It takes
    one to three milliseconds for a process of 300 MB.
    """
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(give_back)


def _of_glibc(name: str) -> Callable[[*tuple[int, ...]], int] | None:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            found: Callable[[*tuple[int, ...]], int] = getattr(ctypes.CDLL(None), name)
            return found
    _log.debug("not_glibc", missing=name)
    return None
