"""Keeps the process small and quiet while the model runs: allocator and BLAS threads.

Both are settings of the whole process, made once when the local engine loads.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

import structlog
from threadpoolctl import threadpool_limits

log = structlog.get_logger(__name__)

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Parameter numbers of ``mallopt``, from glibc's ``malloc.h``."""


CACHED_PRIMITIVES: Final = "16"


def tune_process() -> None:
    """Bounds memory that the decoder's threads would keep, and stops idle BLAS threads spinning.

    oneDNN, which CTranslate2 convolves with, keeps what it compiled for each length of window: half
    a megabyte each, a thousand of them if it may. To be called before a model is loaded.

    The decoder frees buffers of many sizes from several threads; glibc keeps most of them in one
    arena per thread. OpenBLAS, which numpy brings, has a thread per core that spins for a while
    after every small product, which took a fifth of the CPU here and helped nothing.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", CACHED_PRIMITIVES)
    threadpool_limits(limits=1, user_api="blas")
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        log.debug("mallopt_missing")
        return
    mallopt(M_ARENA_MAX, 2)
    mallopt(M_MMAP_THRESHOLD, 8 << 20)
    mallopt(M_TRIM_THRESHOLD, 32 << 20)
