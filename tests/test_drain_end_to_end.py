"""A real process that gets SIGTERM in mid-call, and the one that is started after it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests import killable
from tests.engines_for_tests import tones

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RATE = 16_000


class Client:
    """Speaks tone after tone at the pace of speech until its socket is closed."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self.sent = 0

    async def speak(self) -> None:
        await self.socket.send(json.dumps({"type": "start", "speaker": "agent"}))
        reading = asyncio.create_task(self._read())
        try:
            for number in range(1000):
                audio = tones(400 + 100 * (number % 8))
                for at in range(0, len(audio), 640):
                    await self.socket.send(audio[at : at + 640])
                    self.sent += 320
                    await asyncio.sleep(0.02)
        except ConnectionClosed:
            pass
        await reading

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.heard.append(json.loads(text))
        except ConnectionClosed:
            pass

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["type"] == kind]

    async def until_finals(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.of("final")) < count:
                await asyncio.sleep(0.02)


async def test_a_call_that_is_spoken_through_a_restart(tmp_path: Path) -> None:
    server = killable.start(tmp_path, tones=True, drain=4.0)
    try:
        async with connect(f"{server.ws}/ws/audio") as socket:
            client = Client(socket)
            speaking = asyncio.create_task(client.speak())
            await client.until_finals(2)
            server.process.send_signal(signal.SIGTERM)
            await client.until_finals(4)  # it goes on
            await speaking
            assert socket.close_code == 1012
            assert "shutting down" in (socket.close_reason or "")
        assert await asyncio.to_thread(server.process.wait, 30) == 0
    finally:
        server.process.kill()
    (ended,) = client.of("ended")
    session_id = client.of("ready")[0]["session_id"]
    # Another one over the same folder and at the same port.
    after = await asyncio.to_thread(killable.start, tmp_path, tones=True, port=server.port)
    try:
        async with httpx.AsyncClient(base_url=after.http) as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            call = (await http.get(f"/api/sessions/{session_id}")).json()
        async with connect(f"{after.ws}/ws/audio") as socket:
            again = Client(socket)
            speaking = asyncio.create_task(again.speak())
            await again.until_finals(1)
            speaking.cancel()
        assert call["state"] == "ended"
        assert call["gaps"] == []
        told = [final["text"] for final in client.of("final")]
        assert " ".join(u["text"] for u in call["transcript"]["utterances"]) == " ".join(told)
        # All that it took is written down: a tone every 0.8 s.
        words = " ".join(told).split()
        assert words == [f"f{400 + 100 * (n % 8)}" for n in range(len(words))]
        assert len(words) == pytest.approx(ended["seconds"] / 0.9, abs=1)
        assert ended["seconds"] <= client.sent / RATE
    finally:
        await asyncio.to_thread(after.stop)
