"""An engine made of engines looks like one."""

from __future__ import annotations

import pytest

from callscribe.engines.base import StreamingConnection, TranscriptionEngine
from callscribe.engines.resilient import Patience, ResilientEngine, Rung
from callscribe.engines.resilient.engine import ALONE
from callscribe.errors import ConfigurationError
from tests.engines.resilient.simulation import FIRST, final, simulation, talk
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


def test_where_nobody_repairs_a_gap_a_minute_is_heard_late_rather_than_never() -> None:
    sim = simulation(FIRST, patience=ALONE)
    sim.core.begun = True
    sim.open(sim.asked[0])
    talk(sim, 2)
    sim.fail(sim.core.active)
    for _ in range(200):  # 20 s
        sim.speak(100)
        sim.pass_time(0.1)
        for line in list(sim.asked):
            sim.fail(line)
    while not sim.asked:
        sim.speak(100)
        sim.pass_time(0.1)
    sim.open(sim.asked[0])
    for _ in range(300):
        talk(sim, 1)
        final(sim)
    assert not sim.gaps
    assert sim.core.is_caught_up
    assert ResilientEngine([FIRST])._patience is ALONE
    assert ResilientEngine([FIRST], repairers=[FIRST])._patience == Patience()
