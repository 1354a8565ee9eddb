"""The program that speaks with a server, held against the real one."""

import asyncio

import numpy as np
import pytest

from callscribe.demo.client import Client
from callscribe.errors import CallscribeError, EngineError
from callscribe.settings import Settings
from callscribe.wire.browser import Start
from tests.engines_for_tests import tones
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio


async def at_once() -> float:
    return asyncio.get_running_loop().time()


def sound(*frequencies: int, rate: int = 16_000) -> np.ndarray:
    return np.frombuffer(tones(*frequencies, rate=rate), "<i2")


async def test_a_leg_is_played_and_its_events_come(served: Served) -> None:
    client = Client("127.0.0.1", served.port)
    session = (await client.call("POST", "/api/sessions", {"session_id": "call-1"}))["session_id"]
    samples = sound(440, 660)
    began = asyncio.get_running_loop().time()
    ended = await client.play(Start(session, "agent", language="fr"), samples, at_once, speed=4)
    took = asyncio.get_running_loop().time() - began
    assert ended.seconds == pytest.approx(len(samples) / 16_000)
    assert took >= ended.seconds / 4
    await client.call("POST", f"/api/sessions/{session}/end")
    events = [event async for event in client.events(session)]
    assert events[0]["type"] == "session_started"
    assert events[-1]["type"] == "session_ended"
    assert [event["text"] for event in events if event["type"] == "final"] == ["f440", "f660"]


async def test_a_server_with_keys(settings: Settings) -> None:
    locked = settings.model_copy(
        update={"api_keys": Settings.model_validate({"api_keys": "k-1"}).api_keys}
    )
    with serving(locked) as served:
        client = Client("127.0.0.1", served.port, "k-1")
        session = (await client.call("POST", "/api/sessions", {}))["session_id"]
        await client.play(Start(session), sound(440), at_once, speed=4)
        stranger = Client("127.0.0.1", served.port)
        with pytest.raises(CallscribeError) as caught:
            await stranger.call("GET", "/api/sessions")
        assert caught.value.code == "unauthorized"
        with pytest.raises(CallscribeError) as caught:
            await stranger.play(Start(session, "technician"), sound(440), at_once)
        assert caught.value.code == "unauthorized"


async def test_what_the_server_refuses_is_said_in_its_words(served: Served) -> None:
    client = Client("127.0.0.1", served.port)
    with pytest.raises(CallscribeError, match="there is no session nowhere") as caught:
        await client.call("GET", "/api/sessions/nowhere")
    assert caught.value.code == "no_such_session"
    with pytest.raises(CallscribeError, match="no session nowhere is going on"):
        await client.play(Start("nowhere"), sound(440), at_once)
    with pytest.raises(CallscribeError, match="there is no session nowhere"):
        await anext(client.events("nowhere"))


async def test_a_server_that_goes_away_is_an_error(settings: Settings) -> None:
    with serving(settings) as served:
        client = Client("127.0.0.1", served.port)
    with pytest.raises(EngineError, match="broke off the leg of agent"):
        await client.play(Start(), sound(440), at_once)
    with pytest.raises(OSError, match="refused"):
        await client.call("GET", "/healthz")
