"""What a call's export says besides the words: now, later, and while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import httpx
import pytest

from callscribe import events
from callscribe.errors import StoreError
from callscribe.export import Model, Source
from callscribe.settings import Settings
from callscribe.web.sources import source_of
from callscribe.wire.deepgram import ModelInfo, model_uuid
from callscribe.wire.deepgram_rest import RecordingMetadata, parse_recording
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio


def inside(served: Served, work: Coroutine[Any, Any, Any]) -> Any:
    """Does something where the server runs."""
    loop = served.server.servers[0].get_loop()
    return asyncio.run_coroutine_threadsafe(work, loop).result(10)


def metadata(served: Served) -> RecordingMetadata:
    address = f"{served.http}/api/sessions/call/transcript?format=deepgram"
    return parse_recording(httpx.get(address).content).metadata


async def test_a_call_tells_the_same_when_it_is_over(settings: Settings) -> None:
    with serving(settings) as served:
        api = f"{served.http}/api/sessions"
        httpx.post(api, json={"session_id": "call"})
        legs = [
            await AudioClient.start(served, session_id="call", speaker=speaker)
            for speaker in ("technician", "agent")
        ]
        for leg, sound in zip(legs, (tones(440), tones(440, 600)), strict=True):
            await leg.audio(sound)
            await leg.until("final")
        assert metadata(served).channels == 2
        for leg in legs:
            await leg.hang_up()
        httpx.post(f"{api}/call/end", timeout=20)
        now = metadata(served)
        began = datetime.fromisoformat(httpx.get(f"{api}/call").json()["started_at"])
        longest = max(leg["duration"] for leg in httpx.get(f"{api}/call").json()["legs"])
    with serving(settings) as again:
        assert metadata(again) == now
    assert abs((datetime.fromisoformat(now.created) - began).total_seconds()) < 0.001
    assert longest <= now.duration < longest + 60
    assert now.model_info == {model_uuid("tones"): ModelInfo(name="tones", arch="whisper")}
    assert now.extra == {"session_id": "call", "channel_0": "technician", "channel_1": "agent"}


async def test_an_engine_that_stood_in_is_named(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = served.context
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    served.engine.name = "deepgram"
    leg = await AudioClient.start(served, session_id="call", speaker="agent")
    await leg.audio(tones(440))
    await leg.until("final")
    record = context.service.session("call").record
    notice = {"code": "engine_taken_over", "message": "whisper listens", "speaker": "agent"}

    async def take_over(engine: str) -> None:
        record.publish(events.Notice, **notice, engine=engine)
        await record.settled()

    def source() -> Source:
        return inside(served, source_of(context.calls, "call"))

    inside(served, take_over("deepgram_rest"))  # the same model, asked in another way
    assert source().models == (Model("deepgram", "nova-3"),)
    inside(served, take_over("whisper"))
    assert source().models == (Model("deepgram", "nova-3"), Model("whisper"))

    async def away(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(context.ledger.store, "call", away)
    found = source()
    assert (found.speakers, found.models) == (("agent",), (Model("deepgram"),))
    assert found.duration > 0
    assert found.created is not None
    context.service.session("call").legs.all[0].engine = ""  # nobody listens
    assert source().models == ()
    monkeypatch.undo()
    await leg.hang_up()
