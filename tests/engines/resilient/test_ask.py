"""How connections are opened as a leg wants them, and let go."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from callscribe.engines.base import StreamOptions
from callscribe.engines.resilient import ask as module
from callscribe.engines.resilient.ask import Ask, caveat, leave
from callscribe.engines.resilient.rules import Rung
from callscribe.errors import ConfigurationError, EngineError
from tests.engines_for_tests import EnergyConnection, EnergyEngine

pytestmark = pytest.mark.anyio

ASK = Ask("s", "fr", 16_000, StreamOptions(keyterms=("Lyon",)))


async def opened(engine: EnergyEngine) -> EnergyConnection:
    way = await ASK.enter(Rung(engine, "x"), lambda _: None, streaming=True)
    assert isinstance(way, EnergyConnection)
    return way


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("asked", [True, False])
async def test_streaming_needs_both_the_leg_and_the_engine(here: bool, asked: bool) -> None:
    engine = EnergyEngine()
    wants = replace(ASK, options=replace(ASK.options, streaming=asked))
    await wants.enter(Rung(engine, "x"), lambda _: None, streaming=here)
    assert engine.options == replace(ASK.options, streaming=here and asked)


@pytest.mark.parametrize("asked", [True, False])
async def test_requests_stand_in_for_a_stream_that_was_asked_for(asked: bool) -> None:
    engine = EnergyEngine()
    wants = replace(ASK, options=replace(ASK.options, streaming=asked))
    await wants.enter(Rung(engine, "x"), lambda _: None, streaming=False, stands_in=True)
    assert engine.options == replace(ASK.options, streaming=False, stands_in=asked)


async def test_nobody_stands_in_for_live_text_that_is_not_wanted() -> None:
    engine = EnergyEngine()
    wants = replace(ASK, options=replace(ASK.options, interim_results=False))
    await wants.enter(Rung(engine, "x"), lambda _: None, streaming=False, stands_in=True)
    assert engine.options is not None
    assert not engine.options.stands_in


async def test_a_language_that_the_engine_does_not_know() -> None:
    wants = replace(ASK, language="xx")
    with pytest.raises(ConfigurationError, match="x does not know 'xx'"):
        await wants.enter(Rung(EnergyEngine(), "x"), lambda _: None, streaming=True)


async def test_what_is_left_is_closed_and_its_trouble_is_its_own() -> None:
    engine = EnergyEngine()
    await leave(await opened(engine))
    assert engine.open_legs == 0
    engine.fail_closing = True
    await leave(await opened(engine))


async def test_what_does_not_come_to_its_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LEAVING", 0.02)
    engine = EnergyEngine()
    engine.close_delay = 60
    way = await opened(engine)
    async with asyncio.timeout(5):
        await leave(way)


async def test_what_can_be_abandoned_is() -> None:
    class Quick(EnergyConnection):
        gone = False

        async def abandon(self) -> None:
            self.gone = True
            raise EngineError("late")

    way = Quick(EnergyEngine(), 16_000, lambda _: None, interim=True)
    await leave(way)
    assert way.gone
    assert way.is_connected, "it was not closed in the ordinary way"


def test_what_is_relied_on_is_said() -> None:
    assert caveat([("numerals", "true")]) == ""
    assert caveat([("redact", "pci"), ("redact", "ssn")]).count("Nothing is redacted") == 1
    both = caveat([("diarize", "true"), ("redact", "pci")])
    assert "Nothing is redacted" in both
    assert "not told apart" in both
