"""``/ws/audio`` up to the open leg: who gets one, who is refused and how."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect

from callscribe.web import audio_socket
from callscribe.wire.g711 import samples_to_mulaw
from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served

pytestmark = pytest.mark.anyio


async def refused(served: Served, *frames: str | bytes) -> tuple[str, int]:
    """Sends frames to a fresh socket; the code of the error and that of the close."""
    async with connect(f"{served.ws}/ws/audio", max_size=None) as socket:
        client = AudioClient(socket)
        for frame in frames:
            await socket.send(frame)
        close, reason = await client.closed()
        error = client.messages[-1]
        assert error["type"] == "error"
        assert error["fatal"] is True
        assert error["message"]
        assert reason == error["code"]
        return error["code"], close


def start(**message: Any) -> str:
    return json.dumps({"type": "start", **message})


async def test_a_leg_from_start_to_end(dial: Dial) -> None:
    client = await dial(speaker="technician", sample_rate=8_000, language="en")
    ready = client.ready
    assert (ready["speaker"], ready["sample_rate"]) == ("technician", 8_000)
    assert (ready["language"], ready["engine"], ready["received"]) == ("en", "whisper", 0)
    assert len(ready["resume"]) >= 32
    await client.audio(tones(440, 600, rate=8_000), frame=320)
    ended = await client.stop()
    assert ended == {
        "type": "ended",
        "session_id": ready["session_id"],
        "speaker": "technician",
        "seconds": 1.7,
    }
    assert (await client.closed())[0] == 1000
    assert client.finals() == ["f440", "f600"]


async def test_a_telephone_sends_mulaw(dial: Dial, served: Served) -> None:
    phone = {"speaker": "technician", "sample_rate": 8_000, "encoding": "mulaw"}
    client = await dial(**phone)
    data = samples_to_mulaw(np.frombuffer(tones(440, 600, rate=8_000), "<i2"))
    await client.audio(data[:8_000], frame=160)
    await client.socket.close()
    back = {"session_id": client.ready["session_id"], "resume": client.ready["resume"]}
    assert (await refused(served, start(**phone | back | {"encoding": "linear16"})))[0] == (
        "bad_encoding"
    )
    again = await dial(**phone, **back)
    await again.audio(data[again.ready["received"] :], frame=160)
    ended = await again.stop()
    assert ended["seconds"] == len(data) / 8_000
    transcript = served.context.service.transcript(client.ready["session_id"])
    assert [u.text for u in transcript.utterances] == ["f440", "f600"]


@pytest.mark.parametrize(
    ("frame", "code", "close"),
    [
        ("{", "bad_message", 1007),
        ("[]", "bad_message", 1007),
        ("{}", "bad_message", 1007),
        ('{"type": 3}', "bad_message", 1007),
        ('"' + "x" * 70_000 + '"', "bad_message", 1007),
        (start(speaker=""), "bad_message", 1007),
        (start(session_id="../x"), "bad_message", 1007),
        (start(waiting_ms=-1), "bad_message", 1007),
        (start(waiting_ms="old"), "bad_message", 1007),
        (start(waiting_ms=True), "bad_message", 1007),
        (start(waiting_ms=float("inf")), "bad_message", 1007),
        (start(waiting_ms=10**400), "bad_message", 1007),
        (start(sample_rate=4_000), "bad_sample_rate", 1003),
        (start(encoding="opus"), "bad_encoding", 1003),
        (start(language="tlh"), "bad_language", 1008),
        (start(session_id="nobody"), "no_such_session", 1008),
        (start(resume="x"), "no_such_leg", 1008),
        ('{"type": "stop"}', "start_expected", 1003),
        ('{"type": "hello"}', "start_expected", 1003),
        (b"\0\0", "start_expected", 1003),
        (b"", "start_expected", 1003),
    ],
)
async def test_a_wrong_beginning_is_refused(
    served: Served, frame: str | bytes, code: str, close: int
) -> None:
    assert await refused(served, frame) == (code, close)
    assert served.context.service.live_legs == 0
    assert served.context.service.sessions() == []  # none was made for nothing


async def test_who_does_not_start_in_time_is_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_socket, "START_PATIENCE", 0.05)
    assert await refused(served) == ("start_timeout", 1008)


async def test_a_speaker_who_is_on_the_line_is_not_replaced(served: Served, dial: Dial) -> None:
    first = await dial(speaker="agent")
    session_id = first.ready["session_id"]
    assert await refused(served, start(session_id=session_id)) == ("speaker_taken", 1008)
    wrong = start(session_id=session_id, resume="wrong")
    assert await refused(served, wrong) == ("bad_resume", 1008)
    await first.audio(tones(440))
    await first.stop()
    assert first.finals() == ["f440"]


async def test_both_speakers_share_a_session(dial: Dial, served: Served) -> None:
    agent = await dial(speaker="agent")
    session_id = agent.ready["session_id"]
    technician = await dial(session_id=session_id, speaker="technician", sample_rate=8_000)
    await asyncio.gather(
        agent.audio(tones(440, 600)), technician.audio(tones(800, rate=8_000), frame=320)
    )
    await asyncio.gather(agent.stop(), technician.stop())
    assert agent.finals() == ["f440", "f600"]  # its own events only
    assert technician.finals() == ["f800"]
    transcript = served.context.service.transcript(session_id)
    assert sorted(u.text for u in transcript.utterances) == ["f440", "f600", "f800"]


async def test_audio_that_was_kept_while_the_model_was_loaded_has_its_place(
    served: Served, dial: Dial
) -> None:
    """The technician began 0.4 s after the agent, and is heard seconds later."""
    settled, loop = served.context.backends._settled["whisper"], loop_of(served)
    agent = await dial(speaker="agent")
    session_id = agent.ready["session_id"]
    now = asyncio.get_running_loop().time
    began = now()
    await agent.audio(tones(440, 600))
    loop.call_soon_threadsafe(settled.clear)
    await asyncio.sleep(1)
    async with connect(f"{served.ws}/ws/audio") as socket:
        technician = AudioClient(socket)
        await technician.send(
            type="start",
            session_id=session_id,
            speaker="technician",
            waiting_ms=(now() - began - 0.4) * 1000,
        )
        await technician.next()  # the model is being loaded
        loop.call_soon_threadsafe(settled.set)
        await technician.until("ready")
        await technician.audio(tones(800))
        await technician.stop()
    await agent.stop()
    told = served.context.service.transcript(session_id).utterances
    assert [u.text for u in told] == ["f440", "f800", "f600"]
    offset = next(m for m in technician.messages if m["type"] == "leg_started")["offset"]
    assert offset == pytest.approx(0.4, abs=0.35)


async def test_after_the_end_of_the_session_nobody_starts(served: Served, dial: Dial) -> None:
    client = await dial()
    session_id = client.ready["session_id"]
    ending = asyncio.run_coroutine_threadsafe(
        served.context.service.end_session(session_id), loop_of(served)
    )
    await client.until("ended")
    await asyncio.wrap_future(ending)
    assert await refused(served, start(session_id=session_id)) == ("session_closed", 1008)


def loop_of(served: Served) -> asyncio.AbstractEventLoop:
    return served.server.servers[0].get_loop()


async def test_a_full_machine_says_come_back(served: Served, dial: Dial) -> None:
    served.engine.max_legs = 1
    client = await dial()
    assert await refused(served, start()) == ("at_capacity", 1013)
    await client.stop()
    await dial()


async def test_who_comes_before_the_model_waits_for_it(served: Served) -> None:
    """The client is told meanwhile, and the audio that it sends early is not lost."""
    settled = served.context.backends._settled["whisper"]
    loop = loop_of(served)
    loop.call_soon_threadsafe(settled.clear)
    async with connect(f"{served.ws}/ws/audio") as socket:
        client = AudioClient(socket)
        await client.send(type="start")
        await client.audio(tones(440))
        waiting = await client.next()
        assert (waiting["code"], waiting["fatal"]) == ("model_loading", False)
        loop.call_soon_threadsafe(settled.set)
        await client.until("ready")
        await client.stop()
        assert client.finals() == ["f440"]


async def test_who_leaves_before_the_model_is_there_leaves_nothing(served: Served) -> None:
    settled = served.context.backends._settled["whisper"]
    loop_of(served).call_soon_threadsafe(settled.clear)
    async with connect(f"{served.ws}/ws/audio") as socket:
        await AudioClient(socket).send(type="start")
        await AudioClient(socket).next()
    async with asyncio.timeout(10):
        while served.context.service.sessions():
            await asyncio.sleep(0.05)
    loop_of(served).call_soon_threadsafe(settled.set)


@pytest.mark.parametrize("token", ["x", "\ud800", "é" * 40, "\0"])
async def test_a_wrong_token_of_any_kind_is_refused(dial: Dial, served: Served, token: str) -> None:
    client = await dial()
    await client.audio(tones(440))
    back = start(session_id=client.ready["session_id"], resume=token)
    assert await refused(served, back) == ("bad_resume", 1008)
    await client.stop()
    assert client.finals() == ["f440"]


async def test_who_speaks_is_told_that_the_call_is_deleted(dial: Dial, served: Served) -> None:
    """Also who was away at that moment, and comes back with a token."""
    ready = {"session_id": "call", "sample_rate": 16_000}
    await asyncio.to_thread(httpx.post, f"{served.http}/api/sessions", json={"session_id": "call"})
    agent = await dial(**ready, speaker="agent")
    away = await dial(**ready, speaker="technician")
    for client in (agent, away):
        await client.audio(tones(440))
    away.socket.transport.abort()
    address = f"{served.http}/api/sessions/call"
    assert (await asyncio.to_thread(httpx.delete, address)).status_code == 204
    assert await agent.closed() == (1008, "session_deleted")
    error = agent.messages[-1]
    assert (error["type"], error["code"], error["fatal"]) == ("error", "session_deleted", True)
    assert "was deleted" in error["message"]
    back = await dial(**ready, speaker="technician", resume=away.ready["resume"])
    assert await back.closed() == (1008, "session_deleted")
    assert (await asyncio.to_thread(httpx.get, address)).status_code == 404
