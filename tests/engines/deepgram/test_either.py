"""Each leg goes the way that its session was configured for."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Budgeted, BudgetUse, StreamOptions, TranscriptionEngine
from callscribe.engines.deepgram import DeepgramEngine, DeepgramStreamingConnection
from callscribe.engines.deepgram.pieces import DeepgramBatchConnection
from tests.serving import Served

pytestmark = pytest.mark.anyio


async def test_both_ways(served: Served) -> None:
    engine = DeepgramEngine("key", base_url=served.ws)
    assert isinstance(engine, TranscriptionEngine)
    assert (engine.name, engine.capabilities.interim_results) == ("deepgram", True)
    streaming = await engine.transcribe_streaming("s", "fr", 16_000, print)
    pieces = await engine.transcribe_streaming(
        "s", "fr", 16_000, print, options=StreamOptions(streaming=False)
    )
    assert isinstance(streaming, DeepgramStreamingConnection)
    assert isinstance(pieces, DeepgramBatchConnection)
    await engine.close()
    assert not streaming.is_connected
    assert not pieces.is_connected


async def test_what_is_in_use_is_told(served: Served) -> None:
    engine = DeepgramEngine("key", base_url=served.ws, streams=3, requests=2)
    assert isinstance(engine, Budgeted)
    leg = await engine.transcribe_streaming("s", "fr", 16_000, print)
    assert engine.budgets == (BudgetUse("streams", 1, 3, 0), BudgetUse("requests", 0, 2, 0))
    await leg.close()
    assert engine.budgets[0].used == 0
    await engine.close()
