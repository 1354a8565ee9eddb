"""A leg that is played over more than one connection."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from callscribe.demo.absence import Absence
from callscribe.demo.client import Client
from callscribe.demo.leg import PlayedLeg
from callscribe.errors import CallscribeError, EngineError
from callscribe.settings import Settings
from callscribe.wire.browser import Start
from tests.engines_for_tests import tones
from tests.serving import Served, serving
from tests.web.browsing import cable_to

pytestmark = pytest.mark.anyio

SOUND = np.frombuffer(tones(*range(400, 800, 40)), "<i2")


async def at_once() -> float:
    return asyncio.get_running_loop().time()


async def test_cut_in_the_middle_every_sample_arrives_once(served: Served) -> None:
    said: list[str] = []
    with cable_to(served.port) as cable:
        client = Client("127.0.0.1", cable.port)
        await client.call("POST", "/api/sessions", {"session_id": "call"})
        playing = asyncio.create_task(
            PlayedLeg(client, Start("call"), SOUND, 2.0).play(at_once, Absence(said.append, 20))
        )
        while served.context.service.live_legs == 0:
            await asyncio.sleep(0.01)
        leg = served.context.service.session("call").legs.all[0]
        for received in (16_000, 48_000):
            while leg.received < received:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(cable.cut)
        ended = await playing
    assert ended.seconds == pytest.approx(len(SOUND) / 16_000)
    assert bytes(served.engine.connections[0]._audio) == SOUND.tobytes()
    assert len(served.engine.connections) == 1
    assert len(said) == 4


async def test_a_server_that_is_shut_down_has_ended_the_call(settings: Settings) -> None:
    with serving(settings) as served:
        client = Client("127.0.0.1", served.port)
        await client.call("POST", "/api/sessions", {"session_id": "call"})
        playing = asyncio.create_task(
            PlayedLeg(client, Start("call"), SOUND, 1.0).play(at_once, Absence(print, 20))
        )
        while served.context.service.live_legs == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        served.stop()
        with pytest.raises(CallscribeError, match="was shut down and has ended the call"):
            await playing


async def test_without_patience_the_first_loss_is_the_end(served: Served) -> None:
    with cable_to(served.port) as cable:
        client = Client("127.0.0.1", cable.port)
        await client.call("POST", "/api/sessions", {"session_id": "call"})
        playing = asyncio.create_task(
            PlayedLeg(client, Start("call"), SOUND, 1.0).play(at_once, None)
        )
        while served.context.service.live_legs == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(cable.cut)
        with pytest.raises(EngineError, match="broke off the leg of agent"):
            await playing
