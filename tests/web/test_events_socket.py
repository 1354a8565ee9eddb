"""``/ws/sessions/{id}/events``: the past, the present and the end of a session."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served

pytestmark = pytest.mark.anyio


async def read(served: Served, session_id: str, since: int | str = 0) -> list[dict[str, Any]]:
    """All events up to the end of the socket; the last entry is the close code."""
    url = f"{served.ws}/ws/sessions/{session_id}/events?since={since}"
    async with connect(url) as socket:
        client = AudioClient(socket)
        code, _ = await client.closed()
        return [*client.messages, {"type": "close", "code": code}]


async def test_a_viewer_sees_everything_in_order(served: Served, dial: Dial) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(read(served, "call"))
        client = await dial(session_id="call")
        await client.audio(tones(440, 600))
        await client.stop()
        late = tasks.create_task(read(served, "call", since=2))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(httpx.post, f"{served.http}/api/sessions/call/end")
    seen = early.result()
    assert seen[-1] == {"type": "close", "code": 1000}
    assert [e["type"] for e in seen[:3]] == ["session_started", "leg_started", "speech_started"]
    assert seen[-2]["type"] == "session_ended"
    numbers = [e["seq"] for e in seen[:-1]]
    assert numbers == sorted(set(numbers))
    passing = ("interim", "speech_started", "call_stats")
    durable = [e for e in seen if e["type"] not in passing]
    assert [e for e in late.result() if e["type"] not in passing] == durable[2:]
    stored = httpx.get(f"{served.http}/api/sessions/call/events").json()["events"]
    assert stored == durable[:-1]


async def test_an_ended_session_is_replayed_and_closed(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    httpx.post(f"{served.http}/api/sessions/call/end")
    assert [e["type"] for e in await read(served, "call")][-2:] == ["session_ended", "close"]


async def test_who_has_seen_the_end_is_told_at_once_that_there_is_no_more(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    httpx.post(f"{served.http}/api/sessions/call/end")
    last = httpx.get(f"{served.http}/api/sessions/call/events").json()["events"][-1]["seq"]
    async with asyncio.timeout(5):
        assert await read(served, "call", since=last) == [{"type": "close", "code": 1000}]


async def test_a_session_that_is_not_there(served: Served) -> None:
    error, close = await read(served, "nobody")
    assert (error["code"], error["fatal"], close["code"]) == ("no_such_session", True, 1008)


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "", "9" * 30, "%C2%B2"])
async def test_a_since_that_is_no_number(served: Served, since: str) -> None:
    error, close = await read(served, "nobody", since)
    assert (error["code"], close["code"]) == ("bad_message", 1007)


async def test_what_a_viewer_sends_means_nothing(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    async with connect(f"{served.ws}/ws/sessions/call/events") as socket:
        for frame in ("hello", b"\0", "{"):
            await socket.send(frame)
        assert json.loads(await socket.recv())["type"] == "session_started"


async def test_deleting_a_session_ends_its_viewers(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    async with asyncio.TaskGroup() as tasks:
        viewer = tasks.create_task(read(served, "call"))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(httpx.delete, f"{served.http}/api/sessions/call")
    assert viewer.result()[-1]["code"] == 1000
