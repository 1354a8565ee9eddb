"""More legs than Deepgram takes at once: the last one begins with the fallback and moves over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callscribe.settings import Settings
from tests.engines_for_tests import EnergyEngine, tones
from tests.serving import AudioClient, Served, serving
from tests.test_deepgram_end_to_end import configure, real_deepgram

pytestmark = pytest.mark.anyio

RATE = 16_000
PAUSE = 0.6


@pytest.fixture
def house(served: Served, tmp_path: Path) -> Iterator[Served]:
    """A server that may have two streams at the one in place of Deepgram."""
    values = {
        "data_dir": tmp_path / "house",
        "DEEPGRAM_API_KEY": "any",
        "DEEPGRAM_BASE_URL": served.ws,
        "deepgram_streams": 2,
    }
    with serving(Settings.model_validate(values), real_deepgram) as running:
        yield running


async def streams(house: Served) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        found: dict[str, Any] = (await http.get(f"{house.http}/api/status")).json()["budgets"][0]
        return found


class Speaker:
    """Says one tone after the other, each a word, in the time that takes."""

    def __init__(self, client: AudioClient) -> None:
        self.client = client
        self.said: list[str] = []

    async def say(self, pitch: int) -> None:
        self.said.append(f"f{pitch}")
        await self.play(tones(pitch, gap=PAUSE))

    async def play(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), 640):
            await self.client.socket.send(pcm[at : at + 640])
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        await self.client.stop()
        assert " ".join(self.client.finals()).split() == self.said, "lost or doubled"


async def test_the_third_of_two_moves_over_when_one_has_ended(house: Served) -> None:
    await configure(house, transcription_fallback=["whisper"])
    speakers = [
        Speaker(await AudioClient.start(house, speaker="agent", sample_rate=RATE)) for _ in range(3)
    ]
    assert await streams(house) == {
        "engine": "deepgram", "name": "streams", "used": 2, "most": 2, "waiting": 1,
    }  # fmt: skip
    third = speakers[2]
    for speaker in speakers:
        await speaker.say(400)
    assert isinstance(house.context.backends.engines["whisper"], EnergyEngine)
    assert len(house.engine.connections) == 1  # the third one's
    await speakers[0].end()
    assert await streams(house) == {
        "engine": "deepgram", "name": "streams", "used": 2, "most": 2, "waiting": 0,
    }  # fmt: skip
    for pitch in (500, 600, 700, 800, 900):
        await third.say(pitch)
        if not house.engine.open_legs:
            break
    assert not house.engine.open_legs, "it did not move over"
    for pitch in (1000, 1100):
        await third.say(pitch)
    await speakers[1].end()
    await third.end()
    async with httpx.AsyncClient() as http:
        path = f"{house.http}/api/sessions/{third.client.ready['session_id']}/events"
        events = (await http.get(path)).json()["events"]
    notices = [event for event in events if event["type"] == "notice"]
    assert [notice["code"] for notice in notices] == ["engine_taken_over", "engine_back"]
    assert "all 2 Deepgram streams" in notices[0]["message"]
    assert (await streams(house))["used"] == 0
