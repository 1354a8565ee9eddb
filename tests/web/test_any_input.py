"""Whatever comes in at the sockets, the server goes on and another call loses nothing."""

from __future__ import annotations

import asyncio
import json
import random

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import Served

pytestmark = pytest.mark.anyio

SECONDS = 4.0


def anything(chance: random.Random, most: int) -> str:
    """Any text at all but none, half of it far from what can be typed; lone surrogates too."""
    highest = chance.choice([0x80, 0x110000])
    text = [chr(chance.randrange(highest)) for _ in range(chance.randrange(1, most))]
    return "".join([*text, chance.choice(["", "\0", "é", "\ud800"])])


def frame(chance: random.Random) -> str | bytes:
    """Noise, half-right messages and right ones at the wrong time."""
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randrange(2_000))
    if kind == 1:
        return "".join(chr(chance.randrange(0xD800)) for _ in range(chance.randrange(50)))
    if kind == 2:
        name = chance.choice(["start", "stop", "finalize", "keepalive", "hello", 3, None])
        return json.dumps({"type": name, "sample_rate": chance.choice([8000, -1, "x", None])})
    if kind == 3:
        key = chance.choice(["session_id", "speaker", "encoding", "language", "resume"])
        return json.dumps({"type": "start", key: anything(chance, 300)})
    return bytes(chance.randrange(500) * 2)


async def misbehave(served: Served, chance: random.Random, until: float) -> int:
    """Opens sockets and sends what comes to mind; how many sockets there were."""
    loop, opened = asyncio.get_running_loop(), 0
    while loop.time() < until:
        path = chance.choice(["/ws/audio", "/ws/audio", "/ws/sessions/x/events?since=%00"])
        try:
            async with connect(served.ws + path, close_timeout=0.2) as socket:
                opened += 1
                if chance.random() < 0.5:
                    await socket.send('{"type": "start"}')
                for _ in range(chance.randrange(10)):
                    await socket.send(frame(chance))
                if chance.random() < 0.3:
                    socket.transport.abort()
        except (ConnectionClosed, InvalidMessage, OSError):
            pass
    return opened


async def test_any_token_but_the_right_one_is_refused(dial: Dial) -> None:
    client = await dial(speaker="agent")
    await client.audio(tones(440))
    chance = random.Random(4)  # noqa: S311
    back = {"session_id": client.ready["session_id"], "speaker": "agent"}
    for _ in range(100):
        stranger = await dial(**back, resume=anything(chance, 255))
        assert stranger.messages[0]["code"] == "bad_resume"
        assert await stranger.closed() == (1008, "bad_resume")
    await client.stop()
    assert client.finals() == ["f440"]


@pytest.mark.parametrize("key", ["type", "session_id", "speaker", "encoding", "language"])
async def test_any_text_in_a_start_is_taken_or_refused_in_words(dial: Dial, key: str) -> None:
    chance = random.Random(4)  # noqa: S311
    for _ in range(20):
        client = await dial(**{key: anything(chance, 255)})
        answer = client.messages[0]
        assert answer["type"] == "ready" or answer["code"] != "internal", answer


async def test_another_call_goes_on(served: Served, dial: Dial) -> None:
    client = await dial(speaker="technician", sample_rate=8_000)
    pitches = [440, 600, 800, 1000] * 2
    audio = tones(*pitches, rate=8_000)
    until = asyncio.get_running_loop().time() + SECONDS
    async with asyncio.TaskGroup() as tasks:
        troublemakers = [
            tasks.create_task(misbehave(served, random.Random(seed), until))  # noqa: S311
            for seed in range(3)
        ]
        step = len(audio) // 50 // 2 * 2
        for at in range(0, len(audio), step):
            await client.socket.send(audio[at : at + step])
            await asyncio.sleep(SECONDS / 60)
    await client.stop()
    assert client.finals() == [f"f{pitch}" for pitch in pitches]
    assert sum(task.result() for task in troublemakers) > 20
    assert (await asyncio.to_thread(httpx.get, f"{served.http}/healthz")).status_code == 200
