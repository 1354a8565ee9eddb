"""The relay that counts."""

from __future__ import annotations

import httpx
import pytest

from benchmarks.counting import CountingRelay
from tests.serving import Served

pytestmark = pytest.mark.anyio


async def test_what_passes_is_counted(served: Served) -> None:
    async with CountingRelay(served.port) as relay, httpx.AsyncClient() as http:
        answer = await http.post(f"http://127.0.0.1:{relay.port}/v1/listen", content=bytes(50_000))
        assert answer.headers["dg-request-id"]
        assert 50_000 < relay.sent < 51_000
        assert 0 < relay.came < 5_000
    assert CountingRelay.free_port() > 0
