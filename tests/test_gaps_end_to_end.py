"""Nobody listens for longer than audio is played again: the gap is told, and repaired in its place.

A real server, store and sockets; the engines hear tones, so that every word has its known time.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callscribe import ladder
from callscribe.engines.base import Lost
from callscribe.engines.resilient import Patience
from callscribe.engines.resilient import engine as resilient
from callscribe.engines.resilient.quiet import REACH
from callscribe.errors import UpstreamError
from callscribe.settings import Settings
from tests.engines_for_tests import EnergyEngine, tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio

SPOKEN = [400 + 20 * n for n in range(60)]
"""One tone every 0.8 s, 48 s of them."""
HEARD = 10
"""Tones before the outage."""
EVERY = int(0.8 * 16_000) * 2


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept is sent ten times as fast as Deepgram would be: a test need not wait for it."""
    monkeypatch.setattr(ladder, "CATCHING_UP", 12.5)


@contextmanager
def answering(tmp_path: Path, **config: Any) -> Iterator[tuple[Served, dict[str, EnergyEngine]]]:
    engines = {"deepgram": EnergyEngine(name="deepgram"), "whisper": EnergyEngine()}
    settings = Settings(data_dir=tmp_path, port=0)
    with serving(settings, lambda name, _: engines[name]) as served:
        put(served, config)
        yield served, engines


def put(served: Served, config: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{served.http}/api/config/transcription",
        json.dumps(config).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()  # noqa: S310 - the same


async def get(served: Served, session_id: str, what: str = "") -> str:
    def read() -> str:
        address = f"{served.http}/api/sessions/{session_id}{what}"
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own server
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


async def events(served: Served, session_id: str, kind: str) -> list[dict[str, Any]]:
    found = json.loads(await get(served, session_id, "/events"))["events"]
    return [event for event in found if event["type"] == kind]


async def until(ask: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := await ask()):
            await asyncio.sleep(0.05)
    return found


async def on_loop(served: Served, act: Callable[[], Any]) -> None:
    async def do() -> None:
        answer = act()
        if answer is not None:
            await answer

    loop = served.server.servers[0].get_loop()
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(do(), loop))


async def an_outage(served: Served, engines: dict[str, EnergyEngine]) -> AudioClient:
    """A call in which nobody listens from the tenth tone on, until all have been sent."""
    client = await AudioClient.start(served, speaker="agent", sample_rate=16_000)
    session_id = client.ready["session_id"]
    audio = tones(*SPOKEN)
    for at in range(0, HEARD * EVERY, EVERY):
        await client.socket.send(audio[at : at + EVERY])
    finals = lambda: events(served, session_id, "final")  # noqa: E731 - asked again and again

    async def all_before() -> bool:
        return len(await finals()) >= HEARD - 1

    await until(all_before)
    first = engines["deepgram"].connections[-1]

    def lose() -> Any:
        for engine in engines.values():
            engine.max_legs = 0
        first.is_connected = False
        error = UpstreamError("Deepgram is away", code="deepgram_unavailable", retryable=True)
        return first._callback(Lost(error))

    await on_loop(served, lose)
    for at in range(HEARD * EVERY, len(audio), EVERY):
        await client.socket.send(audio[at : at + EVERY])
    leg = served.context.service.session(session_id).legs.of("agent")

    async def all_there() -> bool:
        return leg.received == len(audio) // 2

    await until(all_there)

    def back() -> None:
        for engine in engines.values():
            engine.max_legs = 64

    await on_loop(served, back)
    return client


async def test_it_is_told_and_repaired_in_its_place(tmp_path: Path) -> None:
    # Whisper would hear all that was kept at once: there would be no gap.
    with answering(tmp_path, transcription_fallback=["deepgram_rest"]) as (served, engines):
        client = await an_outage(served, engines)
        session_id = client.ready["session_id"]
        (gap,) = await until(lambda: events(served, session_id, "gap"))
        (repaired,) = await until(lambda: events(served, session_id, "gap_repaired"))
        await client.send(type="stop")
        await client.until("ended")
        await client.socket.close()

        # It ends where nobody speaks: a tone is 0.3 s, the silence behind it 0.5 s.
        assert 48.1 - Patience().replay - REACH <= gap["end"] <= 48.1 - Patience().replay
        assert (gap["end"] - 0.1) % 0.8 > 0.3
        assert (repaired["of_seq"], repaired["start"]) == (gap["seq"], gap["start"])
        later = [e for e in await events(served, session_id, "final") if e["repairs"]]
        assert [e["utterance_id"] for e in later] == repaired["utterance_ids"]
        assert {e["repairs"] for e in later} == {gap["seq"]}
        assert all(gap["start"] <= e["start"] < e["end"] <= gap["end"] for e in later)

        session = json.loads(await get(served, session_id))
        words = [word for u in session["transcript"]["utterances"] for word in u["words"]]
        assert [word["text"] for word in words] == [f"f{f}" for f in SPOKEN]
        starts = [word["start"] for word in words]
        assert starts == pytest.approx([0.1 + 0.8 * n for n in range(60)], abs=0.05)
        ids = [u["utterance_id"] for u in session["transcript"]["utterances"]]
        assert len(ids) == len(set(ids))
        assert session["gaps"] == []
        assert session["stats"]["coverage_percent"] == 100.0
        for form in ("text", "srt", "vtt", "json"):
            written = await get(served, session_id, f"/transcript?format={form}")
            assert "nobody heard" not in written
            assert "non entendu" not in written
            assert "f800" in written


async def test_where_one_engine_alone_is_asked_the_gap_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resilient, "ALONE", Patience())  # else all of it would be heard late
    with answering(tmp_path, transcription_fallback=[]) as (served, engines):
        client = await an_outage(served, engines)
        session_id = client.ready["session_id"]
        (gap,) = await until(lambda: events(served, session_id, "gap"))
        await client.send(type="stop")
        await client.until("ended")
        await client.socket.close()

        assert not await events(served, session_id, "gap_repaired")
        assert not engines["whisper"].connections
        session = json.loads(await get(served, session_id))
        (told,) = session["gaps"]
        assert session["transcript"]["gaps"] == [told]
        start, end = told["start"], told["end"]
        assert (start, end) == pytest.approx((gap["start"], gap["end"]), abs=0.001)
        assert told["speaker"] == "agent"
        words = [word for u in session["transcript"]["utterances"] for word in u["words"]]
        times = [0.1 + 0.8 * n for n in range(60)]
        heard = [
            f"f{f}" for f, at in zip(SPOKEN, times, strict=True) if not start <= at < end - 0.1
        ]
        assert [word["text"] for word in words] == heard, "exactly what is in the gap is missing"
        covered = 100 * (1 - (end - start) / 48.1)
        assert session["stats"]["coverage_percent"] == pytest.approx(covered, abs=0.2)
        line = f"[nobody heard {start:.1f}–{end:.1f} s: the engine was away for too long]"
        assert line in await get(served, session_id, "/transcript?format=text")
        caption = f"[{end - start:.0f} s non entendues]"
        assert f"AGENT: {caption}" in await get(served, session_id, "/transcript?format=srt")
        assert f"<v agent>{caption}" in await get(served, session_id, "/transcript?format=vtt")
        written = json.loads(await get(served, session_id, "/transcript?format=json"))
        assert written["gaps"] == [told]
