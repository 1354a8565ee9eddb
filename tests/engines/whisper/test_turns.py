"""One at a time, in one event loop after the other."""

from __future__ import annotations

import asyncio

import uvloop

from callscribe.engines.whisper.turns import Turns


def test_each_loop_takes_turns_of_its_own() -> None:
    turns, inside, most = Turns(), 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with turns.lock:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def three() -> None:
        await asyncio.gather(work(), work(), work())

    for run in (asyncio.run, uvloop.run, asyncio.run):
        run(three())
    assert most == 1
    assert len(turns._locks) == 1, "loops that are closed are let go"
