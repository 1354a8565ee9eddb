"""Settings of the process that the local engine makes."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from callscribe.engines.whisper.tuning import tune_process


def test_blas_keeps_to_one_thread() -> None:
    np.ones((64, 64)) @ np.ones((64, 64))
    tune_process()
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert all(pool["num_threads"] == 1 for pool in pools)
