"""One direction over real sockets: order, waiting, overtaking, ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.frames import Frame, Opcode

from callscribe.chaos import flow as module
from callscribe.chaos.flow import Flow
from callscribe.chaos.messages import Frames
from callscribe.chaos.sides import Side, hang_up
from callscribe.errors import ProtocolError
from tests.chaos.pairs import pair

pytestmark = pytest.mark.anyio

PING = Frame(Opcode.PING, b"?").serialize(mask=False)
TEXT = Frame(Opcode.TEXT, b"words").serialize(mask=False)


@contextlib.asynccontextmanager
async def flowing() -> AsyncIterator[tuple[Side, Flow, Side]]:
    """Where it comes from, the flow, and where it goes."""
    async with pair() as (source, inlet), pair() as (outlet, sink):
        yield source, Flow(inlet.reader, outlet.writer), sink


async def test_all_bytes_in_order_and_then_the_end() -> None:
    async with flowing() as (source, flow, sink), asyncio.timeout(10):
        data = bytes(range(256)) * 10_000
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flow.run(patient=True))
            source.writer.write(data)
            source.writer.close()
            assert await sink.reader.readexactly(len(data)) == data
        assert not flow.was_reset


async def test_what_is_held_up_goes_on_later_and_pings_overtake_it() -> None:
    async with flowing() as (source, flow, sink), asyncio.timeout(10):
        flow.cutter = Frames(masked=False, garbled=lambda _: None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flow.run(patient=True))
            with flow.messages.shut(), flow.messages.shut():
                source.writer.write(TEXT + TEXT + PING)
                source.writer.close()
                assert await sink.reader.readexactly(len(PING)) == PING
                assert flow.messages.is_shut
            assert await sink.reader.readexactly(2 * len(TEXT)) == TEXT + TEXT


async def test_without_patience_what_is_held_up_at_the_end_is_given_up() -> None:
    async with flowing() as (source, flow, _), asyncio.timeout(10):
        with flow.messages.shut():
            source.writer.write(TEXT)
            source.writer.close()
            await flow.run(patient=False)


async def test_a_longer_way_keeps_the_order() -> None:
    async with flowing() as (source, flow, sink), asyncio.timeout(10):
        clock = asyncio.get_running_loop().time
        ways = iter([0.2, 0.0, 0.1, 0.0])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flow.run(patient=True))
            with flow.slowed(lambda: next(ways)):
                began = clock()
                for letter in (b"a", b"b", b"c"):
                    source.writer.write(letter)
                    await asyncio.sleep(0.01)
                assert await sink.reader.readexactly(3) == b"abc"
                assert clock() - began >= 0.19
            source.writer.close()


async def test_who_is_held_up_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEPTH", 2)
    async with flowing() as (source, flow, _):
        with flow.messages.shut():
            running = asyncio.create_task(flow.run(patient=True))
            source.writer.write(bytes(50_000_000))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(source.writer.drain(), 0.5)
            running.cancel()
            await asyncio.wait([running])


async def test_a_reset_is_remembered() -> None:
    async with flowing() as (source, flow, _):
        await hang_up(source, reset=True)
        await flow.run(patient=True)
        assert flow.was_reset


async def test_what_is_no_frame_ends_the_flow() -> None:
    async with flowing() as (source, flow, _):
        flow.cutter = Frames(masked=True, garbled=lambda _: None)
        source.writer.write(TEXT)
        with pytest.raises(ExceptionGroup) as caught:
            await flow.run(patient=True)
        assert caught.group_contains(ProtocolError)


async def test_a_reader_that_has_gone_costs_nothing() -> None:
    async with flowing() as (source, flow, sink), asyncio.timeout(10):
        sink.writer.transport.abort()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flow.run(patient=True))
            for _ in range(20):
                source.writer.write(bytes(10_000))
                await asyncio.sleep(0.005)
            source.writer.close()
