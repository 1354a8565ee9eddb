"""A call that is played and shown at once."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from rich.console import Console

from callscribe.cli.live import CallScreen
from callscribe.cli.stage import LEAD, Stage
from callscribe.cli.view import CallView
from callscribe.demo.absence import Absence
from callscribe.demo.client import Client
from callscribe.demo.measure import LiveMeasure
from callscribe.errors import CallscribeError
from callscribe.settings import Settings
from callscribe.wire.browser import Start
from tests.engines_for_tests import tones
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio


def stage(parts: int) -> tuple[Stage, CallView, Console]:
    view, console = CallView([]), Console(width=100, record=True)
    screen = CallScreen(console, view, "Call", 1.0)
    return Stage(screen, view, LiveMeasure(4.0), parts, 4.0), view, console


async def test_all_parts_begin_together_and_are_shown(served: Served) -> None:
    client = Client("127.0.0.1", served.port)
    await client.call("POST", "/api/sessions", {"session_id": "s"})
    played, view, console = stage(2)
    sound = np.frombuffer(tones(440), "<i2")
    parts = [
        client.play(Start("s", speaker), sound, played.ready, speed=4) for speaker in ("a", "b")
    ]
    await played.run(client, "s", parts)
    assert sorted(line.speaker for line in view.lines()) == ["a", "b"]
    assert all(line.lag is not None and line.lag < 5 for line in view.lines())
    assert "f440" in console.export_text()


async def test_nobody_begins_before_all_are_ready() -> None:
    played, _, _ = stage(2)
    first = asyncio.ensure_future(played.ready())
    await asyncio.sleep(0.01)
    assert not first.done()
    now = asyncio.get_running_loop().time()
    second = await played.ready()
    assert await first == second
    assert second >= now + LEAD


async def test_a_part_that_fails_ends_all(served: Served) -> None:
    client = Client("127.0.0.1", served.port)
    await client.call("POST", "/api/sessions", {"session_id": "s"})
    played, _, _ = stage(2)

    async def fails() -> None:
        await asyncio.sleep(0.01)
        raise CallscribeError("no", code="bad")

    waiting = client.play(Start("s"), np.zeros(8, np.int16), played.ready)
    with pytest.raises(CallscribeError, match="no"):
        await played.run(client, "s", [waiting, fails()])


async def test_the_last_words_before_a_server_ends_are_shown(settings: Settings) -> None:
    """Of those, too, whose leg ends later than another's."""
    with serving(settings) as served:
        client = Client("127.0.0.1", served.port)
        await client.call("POST", "/api/sessions", {"session_id": "s"})
        played, view, console = stage(2)
        stopped = asyncio.Event()
        served.engine.close_delay = 0.5

        async def other() -> None:
            await played.ready()
            await stopped.wait()
            raise CallscribeError("it was shut down", code="call_ended")

        sound = np.frombuffer(tones(440) + tones(500, length=60.0), "<i2")
        part = client.play(Start("s", "a"), sound, played.ready, absence=Absence(print, 20))
        running = asyncio.create_task(played.run(client, "s", [part, other()]))
        while len(list(view.lines())) < 2:  # the second tone goes on
            await asyncio.sleep(0.02)
        served.stop()
        stopped.set()
        with pytest.raises(CallscribeError, match="shut down"):
            await running
    assert "f500" in console.export_text()
