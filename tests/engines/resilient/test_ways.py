"""Connections are opened, fed and let go of, and whoever decides is told what came of it."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.engines.base import EngineEvent, Result, StreamOptions
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.ask import Ask
from callscribe.engines.resilient.rules import Rung
from callscribe.engines.resilient.ways import Ways
from callscribe.errors import CallscribeError, CapacityError, EngineError
from tests.engines_for_tests import EnergyEngine, tones

pytestmark = pytest.mark.anyio


class Told:
    """What became of lines."""

    def __init__(self) -> None:
        self.open: list[Line] = []
        self.errors: list[str] = []
        self.words: list[str] = []

    def opened(self, line: Line) -> None:
        self.open.append(line)

    def waits(self, line: Line, error: CapacityError) -> None:
        raise AssertionError((line, error))

    def failed(self, line: Line, error: CallscribeError) -> None:  # noqa: ARG002 - the contract's
        self.errors.append(error.message)

    async def heard(self, line: Line, event: EngineEvent) -> None:  # noqa: ARG002
        if isinstance(event, Result) and event.is_final:
            self.words.append(event.text)

    def shown(self, line: Line, result: Result) -> bool:  # noqa: ARG002
        return True


@pytest.fixture
def engine() -> EnergyEngine:
    return EnergyEngine()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def ways(engine: EnergyEngine, told: Told) -> Ways:
    return Ways([Rung(engine, "tones")], Ask("s", "fr", 16_000, StreamOptions()), told)


async def test_a_line_from_its_opening_to_its_end(ways: Ways, told: Told) -> None:
    line = Line(0, 0.0)
    async with asyncio.TaskGroup() as tasks:
        ways.begin(tasks)
        ways.open(line)
        assert ways.of(line) is None
        while not told.open:
            await asyncio.sleep(0)
        assert ways.of(line) is not None
        assert ways.of(None) is None
        assert await ways.send(line, tones(400))
        assert await ways.close(line)
        assert not await ways.send(line, tones(400)), "it has ended"
    assert told.words == ["f400"]
    assert not told.errors


async def test_what_an_engine_refuses_is_told(ways: Ways, told: Told, engine: EnergyEngine) -> None:
    first, second = Line(0, 0.0), Line(0, 0.0)
    async with asyncio.TaskGroup() as tasks:
        ways.begin(tasks)
        ways.open(first)
        while not told.open:
            await asyncio.sleep(0)
        engine.max_legs = 1
        ways.open(second)
        while not told.errors:
            await asyncio.sleep(0)
        engine.fail_sending = True
        assert not await ways.send(first, tones(400))
        engine.fail_closing = True
        assert not await ways.close(first)
    assert told.errors == ["all 1 legs are taken", "the engine broke", "no last finals"]


async def test_a_line_is_dropped_whether_it_is_open_or_not(
    ways: Ways, told: Told, engine: EnergyEngine
) -> None:
    first, second = Line(0, 0.0), Line(0, 0.0)
    async with asyncio.TaskGroup() as tasks:
        ways.begin(tasks)
        ways.open(first)
        while not told.open:
            await asyncio.sleep(0)
        ways.drop(first)
        assert ways.of(first) is None
        engine.opening_delay = 60.0
        ways.open(second)
        await asyncio.sleep(0)
        ways.drop(second)
    assert [inner.is_connected for inner in engine.connections] == [False]
    assert told.open == [first]


async def test_a_line_is_asked_for_a_final_as_long_as_it_is_there(
    ways: Ways, told: Told, engine: EnergyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(0, 0.0)
    async with asyncio.TaskGroup() as tasks:
        ways.begin(tasks)
        ways.finalize(line)  # it is not open yet
        ways.open(line)
        while not told.open:
            await asyncio.sleep(0)
        await ways.send(line, tones(400, gap=0.0))
        ways.finalize(line)
        while not told.words:
            await asyncio.sleep(0)

        async def broken() -> None:
            raise EngineError("it is on its end")

        monkeypatch.setattr(engine.connections[0], "finalize", broken)
        ways.finalize(line)  # what is wrong with it will be told

        async def faulty() -> None:
            raise RuntimeError("a bug")

        await asyncio.sleep(0)
        monkeypatch.setattr(engine.connections[0], "finalize", faulty)
        ways.finalize(line)
        await asyncio.sleep(0)
        ways.drop(line)
        ways.finalize(line)
    assert told.words == ["f400"]
    assert engine.connections[0].finalized == 1
    assert not told.errors
