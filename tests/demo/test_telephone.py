"""The telephone that rings as Twilio does, held against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from callscribe.demo.client import Client
from callscribe.demo.telephone import Answer, Telephone
from callscribe.errors import CallscribeError, EngineError
from callscribe.settings import Settings
from tests.engines_for_tests import tones
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio

AUTH_TOKEN = "of-the-test"  # noqa: S105 - of nobody


@pytest.fixture
def exchange(settings: Settings) -> Iterator[Served]:
    given = {**settings.model_dump(), "twilio_auth_token": AUTH_TOKEN}
    with serving(Settings.model_validate(given)) as served:
        yield served


async def at_once() -> float:
    return asyncio.get_running_loop().time()


def sound(*frequencies: int) -> np.ndarray:
    return np.frombuffer(tones(*frequencies, rate=8000), "<i2")


def telephone(served: Served, token: str = AUTH_TOKEN) -> Telephone:
    return Telephone(Client("127.0.0.1", served.port), token)


async def test_both_sides_are_heard(exchange: Served) -> None:
    line = telephone(exchange)
    answer = await line.ring("en")
    assert answer.path == "/twilio/media"
    assert answer.parameters["language"] == "en"
    began = asyncio.get_running_loop().time()
    tracks = {"inbound": sound(440, 660), "outbound": sound(880)}
    await line.play(answer, tracks, at_once, speed=4)
    assert asyncio.get_running_loop().time() - began >= len(tracks["inbound"]) / 8000 / 4
    client = Client("127.0.0.1", exchange.port)
    events = [event async for event in client.events(line.session_id)]
    said = {(e["speaker"], e["text"]) for e in events if e["type"] == "final"}
    assert said == {("technician", "f440"), ("technician", "f660"), ("agent", "f880")}
    assert not [e for e in events if e["type"] == "gap"]
    assert {e["seconds"] for e in events if e["type"] == "leg_ended"} == {
        -(-len(tracks["inbound"]) // 160) * 0.02
    }


async def test_the_line_stays_open_until_somebody_hangs_up(exchange: Served) -> None:
    line, hang_up = telephone(exchange), asyncio.Event()
    answer = await line.ring()
    client = Client("127.0.0.1", exchange.port)
    await client.call("POST", "/api/sessions", {"session_id": line.session_id})
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(
            line.play(answer, {"inbound": sound(440)}, at_once, hang_up, speed=4)
        )
        async with asyncio.timeout(20):
            while True:
                legs = (await client.call("GET", f"/api/sessions/{line.session_id}"))["legs"]
                if legs and legs[0]["received"] > len(sound(440)) + 800:
                    break
                await asyncio.sleep(0.02)
        assert not playing.done()
        hang_up.set()
    legs = (await client.call("POST", f"/api/sessions/{line.session_id}/end"))["legs"]
    assert [leg["state"] for leg in legs] == ["ended"]


async def test_a_public_address_behind_a_proxy(settings: Settings) -> None:
    public = "https://calls.example.com/scribe"
    given = {"twilio_auth_token": AUTH_TOKEN, "public_url": public}
    with serving(Settings.model_validate({**settings.model_dump(), **given})) as served:
        line = Telephone(Client("127.0.0.1", served.port), AUTH_TOKEN, public)
        answer = await line.ring()
        assert answer.path == "/twilio/media"
        await line.play(answer, {"inbound": sound(440)}, at_once, speed=4)


async def test_what_the_server_refuses_is_said_in_its_words(
    exchange: Served, served: Served
) -> None:
    with pytest.raises(CallscribeError, match="not signed by Twilio"):
        await telephone(exchange, "another").ring()
    with pytest.raises(CallscribeError, match="has no telephone"):
        await telephone(served).ring()
    line = telephone(exchange)
    with pytest.raises(CallscribeError, match="no token of ours") as caught:
        await line.play(Answer("/twilio/media", {}), {"inbound": sound(440)}, at_once)
    assert caught.value.code == "unauthorized"


async def test_a_server_that_goes_away_is_an_error(settings: Settings) -> None:
    with serving(settings) as served:
        line = telephone(served)
    with pytest.raises(EngineError, match="broke off the call"):
        await line.play(Answer("/twilio/media", {}), {"inbound": sound(440)}, at_once)
    with pytest.raises(OSError, match="refused"):
        await line.ring()
