"""A server that is killed in mid-call loses no final that anybody was shown."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests import killable, speech
from tests.engines_for_tests import tones
from tests.killable import Killable

pytestmark = pytest.mark.anyio

SPEAKERS = ("agent", "technician")
ROUNDS = 4


class Watcher:
    """Follows a call over deaths of its server, with the number of the last event it has seen."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.seen: list[dict[str, Any]] = []
        self.since = 0

    async def watch(self, server: Killable) -> None:
        address = f"{server.ws}/ws/sessions/{self.session_id}/events?since={self.since}"
        try:
            async with connect(address) as socket:
                async for text in socket:
                    event = json.loads(text)
                    self.since = max(self.since, event["seq"])
                    if event["type"] not in ("interim", "speech_started", "call_stats"):
                        self.seen.append(event)
        except (ConnectionClosed, OSError):
            pass

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["type"] == kind]


async def _speak(server: Killable, session_id: str, speaker: str, audio: bytes) -> None:
    """Speaks without an end, at twice the pace of speech."""
    try:
        async with connect(f"{server.ws}/ws/audio") as socket:
            start = {"type": "start", "session_id": session_id, "speaker": speaker}
            await socket.send(json.dumps(start | {"sample_rate": 16_000}))
            await socket.recv()
            reading = asyncio.create_task(_read(socket))
            while True:
                for at in range(0, len(audio), 3200):
                    await socket.send(audio[at : at + 3200])
                    await asyncio.sleep(0.05)
            await reading
    except (ConnectionClosed, OSError):
        pass


async def _read(socket: Any) -> None:
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass


@pytest.mark.slow
async def test_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - when to kill is no secret
    watcher = Watcher("call")
    server = killable.start(tmp_path, tones=True)
    async with httpx.AsyncClient() as http:
        await http.post(f"{server.http}/api/sessions", json={"session_id": "call"})
    for number in range(ROUNDS):
        others = [
            asyncio.create_task(_speak(server, "call", s, tones(440 + 100 * number, 880)))
            for s in SPEAKERS
        ]
        others.append(asyncio.create_task(watcher.watch(server)))
        before = len(watcher.of("final"))
        async with asyncio.timeout(30):
            while len(watcher.of("final")) < before + 4:
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0.0, 0.4))
        server.kill()
        await asyncio.gather(*others)
        server = await asyncio.to_thread(killable.start, tmp_path, tones=True)
        async with httpx.AsyncClient(base_url=server.http + "/api/sessions") as http:
            call = (await http.get("/call")).json()
            kept = (await http.get("/call/events")).json()["events"]
        assert call["state"] == "interrupted"
        assert [e for e in kept if e["seq"] <= watcher.since] == watcher.seen
        said = {u["utterance_id"]: u["text"] for u in call["transcript"]["utterances"]}
        for final in watcher.of("final"):
            assert said[final["utterance_id"]] == final["text"]
    async with httpx.AsyncClient(base_url=server.http + "/api/sessions", timeout=60) as http:
        ended = (await http.post("/call/end")).json()
        kept = (await http.get("/call/events")).json()["events"]
    server.stop()
    assert ended["state"] == "ended"
    numbers = [event["seq"] for event in kept]
    assert numbers == sorted(set(numbers))
    assert [e["type"] for e in kept].count("session_interrupted") == ROUNDS
    ids = [e["utterance_id"] for e in kept if e["type"] == "final"]
    assert len(ids) == len(set(ids)), "an utterance's name was given twice"
    starts = [u["start"] for u in ended["transcript"]["utterances"]]
    assert starts == sorted(starts)
    for speaker in SPEAKERS:
        gaps = [g for g in ended["gaps"] if g["speaker"] == speaker]
        assert {g["reason"] for g in gaps} <= {"server_died", "server_restarted"}
        assert sum(g["reason"] == "server_restarted" for g in gaps) == ROUNDS - 1


@pytest.mark.slow
async def test_killed_while_real_speech_is_heard(tmp_path: Path) -> None:
    """The same with Whisper, once: what was shown is there, and the call goes on."""
    (tmp_path / "models").symlink_to(speech.MODELS)
    rate, samples = speech.leg("fr", "agent")
    audio = samples.astype("<i2").tobytes()
    watcher = Watcher("call")
    server = await asyncio.to_thread(killable.start, tmp_path, tones=False)
    config = {"transcription_backend": "whisper", "transcription_language": "fr"}
    async with httpx.AsyncClient(base_url=server.http + "/api", timeout=60) as http:
        await http.put("/config/transcription", json=config)
        await http.post("/sessions", json={"session_id": "call"})
    watching = asyncio.create_task(watcher.watch(server))
    speaking = asyncio.create_task(_at_twice_the_pace(server, audio, rate, 0.0))
    async with asyncio.timeout(60):
        while not watcher.of("final"):
            await asyncio.sleep(0.02)
    server.kill()
    await asyncio.gather(watching, speaking)
    server = await asyncio.to_thread(killable.start, tmp_path, tones=False)
    watching = asyncio.create_task(watcher.watch(server))
    speaking = asyncio.create_task(_at_twice_the_pace(server, audio, rate, 20.0))
    before = len(watcher.of("final"))
    async with asyncio.timeout(90):
        while len(watcher.of("final")) == before:
            await asyncio.sleep(0.02)
    async with httpx.AsyncClient(base_url=server.http + "/api/sessions", timeout=60) as http:
        ended = (await http.post("/call/end")).json()
    speaking.cancel()
    await watching
    said = {u["utterance_id"]: u["text"] for u in ended["transcript"]["utterances"]}
    for final in watcher.of("final"):
        assert said[final["utterance_id"]] == final["text"]
    assert len(said) >= 2
    server.stop()


async def _at_twice_the_pace(server: Killable, audio: bytes, rate: int, begin: float) -> None:
    try:
        async with connect(f"{server.ws}/ws/audio") as socket:
            start = {"type": "start", "session_id": "call", "speaker": "agent"}
            await socket.send(json.dumps(start | {"sample_rate": rate}))
            reading = asyncio.create_task(_read(socket))
            step = rate // 10 * 2
            for at in range(int(begin * rate) * 2, len(audio), step):
                await socket.send(audio[at : at + step])
                await asyncio.sleep(0.05)
            await reading
    except (ConnectionClosed, OSError):
        pass
