"""An engine made of engines looks like one."""

from __future__ import annotations

import pytest

from callscribe.engines.base import StreamingConnection, TranscriptionEngine
from callscribe.engines.resilient import ResilientEngine, Rung
from callscribe.errors import ConfigurationError
from tests.engines_for_tests import EnergyEngine

pytestmark = pytest.mark.anyio


async def test_it_keeps_the_contract() -> None:
    first, second = EnergyEngine(name="deepgram"), EnergyEngine()
    engine = ResilientEngine([Rung(first, "deepgram"), Rung(second, "whisper")])
    assert isinstance(engine, TranscriptionEngine)
    assert engine.name == "deepgram"
    assert engine.capabilities == first.capabilities
    leg = await engine.transcribe_streaming("s", "fr", 16_000, lambda _: None)
    assert isinstance(leg, StreamingConnection)
    assert leg.is_connected
    await leg.close()
    await leg.close()
    assert not leg.is_connected
    await engine.close()
    assert not first.closed  # it belongs to who made it


async def test_a_language_that_nobody_knows() -> None:
    engine = ResilientEngine([Rung(EnergyEngine(), "whisper")])
    with pytest.raises(ConfigurationError):
        await engine.transcribe_streaming("s", "xx", 16_000, lambda _: None)
