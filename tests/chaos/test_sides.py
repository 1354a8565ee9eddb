"""How sockets end."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from callscribe.chaos import sides
from callscribe.chaos.heads import parse_upstream
from callscribe.chaos.sides import dial, discard, hang_up, send_off, until_left
from tests.chaos.pairs import pair

pytestmark = pytest.mark.anyio


async def test_in_good_order_the_rest_is_through() -> None:
    async with pair() as (here, there):
        here.writer.write(b"x" * 3_000_000)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(there.reader.read(-1))
            await hang_up(here)
        assert len(reading.result()) == 3_000_000


async def test_a_cut_cable_is_a_reset() -> None:
    async with pair() as (here, there):
        await hang_up(here, reset=True)
        with pytest.raises(ConnectionResetError):
            await there.reader.read(1)
        await hang_up(here, reset=True)  # twice is once


async def test_who_does_not_take_the_rest_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "PART", 0.1)
    async with pair() as (here, there):
        there.writer.transport.pause_reading()  # type: ignore[attr-defined]
        here.writer.write(b"x" * 30_000_000)
        async with asyncio.timeout(5):
            await hang_up(here)


@pytest.mark.parametrize("reset", [False, True])
async def test_who_leaves_is_noticed_and_what_was_said_is_kept(reset: bool) -> None:
    async with pair() as (here, there):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_left(here))
            there.writer.write(b"words")
            await asyncio.sleep(0.25)
            assert not waiting.done()
            await hang_up(there, reset=reset)
        if not reset:
            assert await here.reader.read(-1) == b"words"


async def test_what_still_comes_is_thrown_away() -> None:
    async with pair() as (here, there):
        async with asyncio.TaskGroup() as tasks:
            discarding = tasks.create_task(discard(here))
            there.writer.write(b"x" * 1_000_000)
            await there.writer.drain()
            assert not discarding.done()
            there.writer.close()
        assert here.reader.at_eof()


async def test_a_farewell_says_the_end_and_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "PART", 0.05)
    async with pair() as (here, there), asyncio.timeout(5):
        await send_off(here)
        assert await there.reader.read() == b""


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError):  # noqa: PT011 - each system has its own
        await dial(parse_upstream(f"ws://127.0.0.1:{port}"))


async def test_a_server_without_tls_behind_wss() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await dial(parse_upstream(f"wss://127.0.0.1:{port}"))
