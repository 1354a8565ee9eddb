"""A telephone call whose server is killed in the middle of it goes on when the server is back."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests import killable
from tests.killable import Killable
from tests.web.twilio.rest_api import serving_api
from tests.web.twilio.telephone import (
    AUTH_TOKEN,
    FRAME,
    Line,
    call_sid,
    eventually,
    mulaw,
    parameters,
    ring,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def _talk(line: Line, tone: int) -> None:
    """Both speak on and on, at the pace of speech, until nobody is there."""
    sound = {"inbound": mulaw(tone), "outbound": mulaw(tone + 100)}
    for number in count():
        for track, audio in sound.items():
            at = number * FRAME % (len(audio) // FRAME * FRAME)
            await line.send(line.media(track, number, audio[at : at + FRAME]))
        if line.socket.close_code is not None:
            return
        await asyncio.sleep(0.02)


async def _watch(server: Killable, session_id: str, seen: list[dict[str, Any]]) -> None:
    since = max((event["seq"] for event in seen), default=0)
    with suppress(ConnectionClosed, OSError):
        async with connect(f"{server.ws}/ws/sessions/{session_id}/events?since={since}") as socket:
            async for text in socket:
                event = json.loads(text)
                seen.append(event)


def _said(events: list[dict[str, Any]]) -> dict[str, str]:
    return {e["utterance_id"]: e["text"] for e in events if e["type"] == "final"}


async def test_killed_in_mid_call(tmp_path: Path) -> None:
    """Twilio told of the broken stream while nobody was there: nobody tells again."""
    sid = call_sid()
    session_id = f"twilio-{sid}"
    seen: list[dict[str, Any]] = []
    with serving_api() as api:
        given = {"tones": True, "auth_token": AUTH_TOKEN, "twilio": api.url}
        server = await asyncio.to_thread(killable.start, tmp_path, **given)
        try:
            line = await Line.dial(server, sid, parameters(await ring(server, sid)))
            talking = asyncio.create_task(_talk(line, 440))
            async with httpx.AsyncClient(base_url=f"{server.http}/api/sessions") as http:
                async with asyncio.timeout(20):
                    while (await http.get(f"/{session_id}")).status_code != 200:
                        await asyncio.sleep(0.02)
            watching = asyncio.create_task(_watch(server, session_id, seen))
            await eventually(lambda: len(_said(seen)) >= 3)
            server.kill()
            await asyncio.gather(talking, watching)
            shown = _said(seen)
            assert api.looked_at == []

            server = await asyncio.to_thread(killable.start, tmp_path, **given, port=server.port)
            await eventually(lambda: api.asked)
            assert api.looked_at[0].endswith(f"/{sid}.json")
            ((path, form),) = api.asked
            assert path.endswith(f"/Calls/{sid}/Streams.json")
            async with httpx.AsyncClient(base_url=f"{server.http}/api/sessions") as http:
                assert (await http.get(f"/{session_id}")).json()["state"] == "interrupted"
                watching = asyncio.create_task(_watch(server, session_id, seen))
                line = await Line.dial(server, sid, {"token": form["Parameter1.Value"]})
                talking = asyncio.create_task(_talk(line, 660))
                await eventually(lambda: {"f660", "f760"} <= set(_said(seen).values()))
                talking.cancel()
                assert (await line.stop())[0] == 1000
                await watching
                call = (await http.get(f"/{session_id}")).json()
                calls = (await http.get(f"{server.http}/api/sessions")).json()["sessions"]
        finally:
            server.kill()
    assert [found["session_id"] for found in calls] == [session_id]
    assert call["state"] == "ended"
    kept = {u["utterance_id"]: u["text"] for u in call["transcript"]["utterances"]}
    assert shown.items() <= kept.items()
    assert _said(seen).items() <= kept.items()
    assert set(shown.values()) <= {"f440", "f540"}
    speakers = {gap["speaker"] for gap in call["gaps"] if gap["reason"] == "server_restarted"}
    assert speakers == {"technician", "agent"}
