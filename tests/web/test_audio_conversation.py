"""``/ws/audio`` while it holds a leg: acknowledgements, mistakes, drops and returns."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect

from callscribe.web import audio_conversation
from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served

pytestmark = pytest.mark.anyio


async def back(dial: Dial, client: AudioClient) -> AudioClient:
    """The same leg on a new connection."""
    ready = client.ready
    return await dial(
        session_id=ready["session_id"],
        speaker=ready["speaker"],
        sample_rate=ready["sample_rate"],
        resume=ready["resume"],
    )


async def test_acks_come_with_the_audio_and_without_it(
    dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_conversation, "HEARTBEAT", 0.05)
    client = await dial()
    assert (await client.until("ack"))["received"] == 0
    await client.audio(bytes(32_000))
    while (await client.until("ack"))["received"] < 16_000:
        pass
    assert set(client.messages[-1]) == {"type", "received", "lag_ms", "settled"}


async def test_an_ack_tells_what_may_be_forgotten(
    dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audio of which no final is kept would be lost with the server."""
    monkeypatch.setattr(audio_conversation, "HEARTBEAT", 0.05)
    client = await dial()
    await client.audio(tones(440)[:-8000])  # 0.25 s of silence less than ends the utterance
    for _ in range(3):
        ack = await client.until("ack")
    assert ack["received"] > 0
    assert ack["settled"] == 0
    await client.audio(bytes(32_000))
    while not (ack := await client.until("ack"))["settled"]:
        pass
    assert client.finals() == ["f440"]
    assert ack["settled"] == pytest.approx(0.4 * 16_000, abs=400)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "bad_audio"),
        ('{"type": "hello"}', "unknown_message"),
        ('{"type": "start"}', "repeated_start"),
    ],
)
async def test_a_small_mistake_is_told_and_the_leg_goes_on(
    dial: Dial, frame: str | bytes, code: str
) -> None:
    client = await dial()
    await client.socket.send(frame)
    error = await client.until("error")
    assert (error["code"], error["fatal"]) == (code, False)
    await client.audio(tones(440))
    await client.stop()
    assert client.finals() == ["f440"]


async def test_too_many_mistakes_are_one_too_many(
    dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_conversation, "MAX_MISTAKES", 3)
    client = await dial()
    for _ in range(4):
        await client.send(type="hello")
    assert await client.closed() == (1008, "too_many_mistakes")


@pytest.mark.parametrize(
    ("frame", "code", "close"),
    [
        (b"abc", "bad_audio", 1007),
        ("not json", "bad_message", 1007),
        (bytes(audio_conversation.MAX_FRAME + 2), "too_big", 1009),
    ],
)
async def test_a_bad_frame_closes_the_socket_and_keeps_the_words(
    dial: Dial, frame: str | bytes, code: str, close: int
) -> None:
    audio = tones(440, 600, gap=0.4)
    client = await dial()
    await client.audio(audio)
    await client.socket.send(frame)
    assert await client.closed() == (close, code)
    again = await back(dial, client)
    assert again.ready["received"] == len(audio) // 2
    await again.stop()
    assert again.finals()[-2:] == ["f440", "f600"]


async def test_text_that_is_no_text(served: Served) -> None:
    async with connect(f"{served.ws}/ws/audio") as socket:
        await socket.send(b"\xff\xfe", text=True)
        await socket.wait_closed()
        assert socket.close_code == 1007


async def test_finalize_writes_down_at_once(dial: Dial) -> None:
    client = await dial()
    await client.audio(tones(440, gap=0.0))
    await client.send(type="keepalive")
    await client.send(type="finalize")
    assert (await client.until("final"))["text"] == "f440"
    await client.audio(tones(600))
    await client.stop()
    assert client.finals() == ["f440", "f600"]


async def test_a_dropped_client_comes_back_and_nothing_is_lost(dial: Dial) -> None:
    """Dropped hard in the middle of a tone, again and again."""
    audio = tones(440, 600, 800, 1000, 1200)
    client = await dial()
    for cut in (0.1, 0.3, 0.5, 0.7, 0.9):
        sent = client.ready["received"] * 2
        await client.audio(audio[sent : int(len(audio) * cut) // 2 * 2])
        client.socket.transport.abort()
        client = await back(dial, client)
    await client.audio(audio[client.ready["received"] * 2 :])
    ended = await client.stop()
    assert ended["seconds"] == len(audio) / 32_000
    finals = {m["utterance_id"]: m for m in client.messages if m["type"] == "final"}
    assert [m["text"] for m in finals.values()] == ["f440", "f600", "f800", "f1000", "f1200"]
    assert [m["start"] for m in finals.values()] == [0.1, 0.9, 1.7, 2.5, 3.3]


async def test_a_half_open_connection_is_taken_over(dial: Dial) -> None:
    old = await dial()
    await old.audio(tones(440))
    await old.until("final")
    new = await back(dial, old)
    assert await old.closed() == (1008, "taken_over")
    await new.audio(tones(600))
    await new.stop()
    assert new.finals() == ["f440", "f600"]  # what the old one may have missed is told again


async def test_a_client_who_closes_without_stop_may_come_back(dial: Dial, served: Served) -> None:
    client = await dial()
    await client.socket.close()
    session = served.context.service.session(client.ready["session_id"])
    async with asyncio.timeout(5):
        while session.legs.of("agent").state != "detached":
            await asyncio.sleep(0.01)
    await (await back(dial, client)).stop()


async def test_an_engine_that_fails_is_said(dial: Dial, served: Served) -> None:
    client = await dial()
    served.engine.fail_sending = True
    await client.socket.send(b"ab")
    assert await client.closed() == (1011, "engine_failed")
    assert client.messages[-1]["retryable"] is True
