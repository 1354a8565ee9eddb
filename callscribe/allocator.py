"""How much memory the C library keeps back in this process. Imports nothing of Callscribe."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

import structlog

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Parameter numbers of ``mallopt``, from glibc's ``malloc.h``."""
ARENAS: Final = 2
LARGE: Final = 8 << 20
"""Bytes from which on a buffer is the kernel's, and goes back to it when it is freed."""
SPARE: Final = 32 << 20
"""Bytes that may stay free at the end of an arena."""

_log = structlog.get_logger(__name__)


def bound_arenas() -> None:
    """Has glibc keep freed memory in two places instead of eight for each core.

    Buffers of many sizes are freed from several threads (sockets, store, decoder); by itself glibc
    opens an arena for nearly each thread and keeps what was freed in it. Does nothing elsewhere
    than on Linux with glibc. To be called before threads are many.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        _log.debug("mallopt_missing")
        return
    mallopt(M_ARENA_MAX, ARENAS)
    mallopt(M_MMAP_THRESHOLD, LARGE)
    mallopt(M_TRIM_THRESHOLD, SPARE)
