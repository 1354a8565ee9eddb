"""Keeps the process small and quiet while the model runs: allocator, oneDNN and BLAS threads.

All are settings of the whole process, made once when the local engine loads. May import
``allocator``.
"""

from __future__ import annotations

import os
from typing import Final

from threadpoolctl import threadpool_limits

from callscribe.allocator import bound_arenas

CACHED_PRIMITIVES: Final = "16"


def tune_process() -> None:
    """Bounds memory that the decoder's threads would keep, and stops idle BLAS threads spinning.

    oneDNN, which CTranslate2 convolves with, keeps what it compiled for each length of window: half
    a megabyte each, a thousand of them if it may. To be called before a model is loaded.

    OpenBLAS, which numpy brings, has a thread per core that spins for a while after every small
    product, which took a fifth of the CPU here and helped nothing.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", CACHED_PRIMITIVES)
    threadpool_limits(limits=1, user_api="blas")
    bound_arenas(models=True)
