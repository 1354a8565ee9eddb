"""Settings of the process that the local engine makes."""

from __future__ import annotations

import os

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from callscribe.engines.whisper import tuning
from callscribe.engines.whisper.tuning import tune_process


def test_onednn_keeps_few_primitives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    tune_process()
    assert int(os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) < 100
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "500")
    tune_process()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "500"


def test_the_allocator_is_told_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, bool]] = []
    monkeypatch.setattr(tuning, "bound_arenas", lambda **how: told.append(how))
    tune_process()
    assert told == [{"models": True}]


def test_blas_keeps_to_one_thread() -> None:
    np.ones((64, 64)) @ np.ones((64, 64))
    tune_process()
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert all(pool["num_threads"] == 1 for pool in pools)
