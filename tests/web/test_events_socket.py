"""``/ws/sessions/{id}/events``: the past, the present and the end of a session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect

from callscribe.events import Event
from callscribe.settings import Settings
from callscribe.web import events_socket
from tests.agents.receivers import Answer, Receiver, Request, receiving
from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio

FRAME = 640
"""Bytes of 20 ms."""


@dataclass
class Held:
    """A server, the webhook that it posts to, and what lets that answer."""

    served: Served
    receiver: Receiver
    go: asyncio.Event

    async def post(self, path: str, **body: str) -> None:
        answer = await asyncio.to_thread(httpx.post, f"{self.served.http}{path}", json=body)
        assert answer.is_success

    async def asked(self, times: int = 1) -> None:
        """Waits until the webhook was posted to."""
        async with asyncio.timeout(10):
            while len(self.receiver.requests) < times:
                await asyncio.sleep(0.01)

    async def stored(self) -> list[dict[str, Any]]:
        address = f"{self.served.http}/api/sessions/call/events"
        answer = await asyncio.to_thread(httpx.get, address)
        events: list[dict[str, Any]] = answer.json()["events"]
        return events


async def read(
    served: Served, session_id: str, since: int | str = 0, there: asyncio.Event | None = None
) -> list[dict[str, Any]]:
    """All events up to the end of the socket; the last entry is the close code.

    ``there`` is set when the first one has come.
    """
    url = f"{served.ws}/ws/sessions/{session_id}/events?since={since}"
    async with connect(url) as socket:
        client = AudioClient(socket)
        if there is not None:
            await client.next()
            there.set()
        code, _ = await client.closed()
        return [*client.messages, {"type": "close", "code": code}]


async def test_a_viewer_sees_everything_in_order(served: Served, dial: Dial) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    async with asyncio.TaskGroup() as tasks:
        there = asyncio.Event()
        early = tasks.create_task(read(served, "call", there=there))
        client = await dial(session_id="call")
        await there.wait()
        audio = tones(440, 600)
        for at in range(0, len(audio), FRAME):
            # A viewer that stands still is told only the latest of what passes.
            await client.audio(audio[at : at + FRAME])
            await asyncio.sleep(0.005)
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


async def test_a_viewer_who_comes_just_before_the_call_sees_all_of_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, there = served.context.ledger, asyncio.Event()
    settled = ledger.settled

    async def begin_meanwhile(session_id: str) -> None:
        monkeypatch.setattr(ledger, "settled", settled)
        await served.context.service.initialize_session(session_id)
        await settled(session_id)

    monkeypatch.setattr(ledger, "settled", begin_meanwhile)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        viewer = tasks.create_task(read(served, "call", there=there))
        await there.wait()
        await asyncio.to_thread(httpx.post, f"{served.http}/api/sessions/call/end")
    assert [e["type"] for e in viewer.result()] == ["session_started", "session_ended", "close"]


async def test_an_ended_session_is_replayed_and_closed(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    httpx.post(f"{served.http}/api/sessions/call/end")
    assert [e["type"] for e in await read(served, "call")][-2:] == ["session_ended", "close"]


async def test_who_has_seen_the_end_is_told_at_once_that_there_is_no_more(served: Served) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    httpx.post(f"{served.http}/api/sessions/call/end")
    last = httpx.get(f"{served.http}/api/sessions/call/events").json()["events"][-1]
    assert last["type"] == "session_ended"
    async with asyncio.timeout(5):
        assert await read(served, "call", since=last["seq"]) == [{"type": "close", "code": 1000}]
        before = await read(served, "call", since=last["seq"] - 1)
    assert before == [last, {"type": "close", "code": 1000}]


@pytest.fixture
async def held(settings: Settings) -> AsyncIterator[Held]:
    """A server whose webhook does not answer until it is let go."""
    go = asyncio.Event()

    async def answer(_: Request) -> Answer:
        await go.wait()
        return 200, b""

    async with receiving(answer) as receiver:
        settings = settings.model_copy(
            update={"webhook_url": receiver.url, "webhook_secret": SecretStr("secret")}
        )
        with serving(settings) as served:
            yield Held(served, receiver, go)
            go.set()


async def test_who_is_there_and_who_comes_later_are_told_what_agents_find_after_the_end(
    held: Held,
) -> None:
    served = held.served
    await held.post("/api/sessions", session_id="call")
    async with asyncio.TaskGroup() as tasks:
        there = tasks.create_task(read(served, "call"))
        await asyncio.sleep(0.1)
        await held.post("/api/sessions/call/end")
        await held.asked()
        last = (await held.stored())[-1]
        assert last["type"] == "session_ended"
        since = tasks.create_task(read(served, "call", since=last["seq"]))
        later = tasks.create_task(read(served, "call"))
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in (there, since, later))
        held.go.set()
    found = [(e.get("key"), e["type"]) for e in since.result()]
    assert found == [("call:end", "agent_result"), (None, "close")]
    for seen in (there.result(), later.result()):
        assert seen[-1] == {"type": "close", "code": 1000}
        durable = [e for e in seen[:-1] if e["type"] != "call_stats"]
        assert durable == await held.stored()


async def test_who_comes_while_the_end_is_being_stored_is_told_what_agents_find(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = held.served.context
    await held.post("/api/sessions", session_id="call")
    assert context.ledger.keeper is not None
    keep = context.ledger.keeper.keep

    async def keep_slowly(batch: Sequence[Event]) -> None:
        await asyncio.sleep(0.5)
        await keep(batch)

    monkeypatch.setattr(context.ledger.keeper, "keep", keep_slowly)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(held.post("/api/sessions/call/end"))
        while not context.service.session("call").ended.is_set():
            await asyncio.sleep(0.01)
        seen = tasks.create_task(read(held.served, "call"))
        await held.asked()
        held.go.set()
    assert [e["type"] for e in seen.result()[-3:]] == ["session_ended", "agent_result", "close"]


async def test_agents_are_not_waited_for_for_ever(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_socket, "AFTERMATH", 0.1)
    await held.post("/api/sessions", session_id="call")
    await held.post("/api/sessions/call/end")
    await held.asked()
    seen = await read(held.served, "call")
    assert [e["type"] for e in seen[-2:]] == ["session_ended", "close"]
    assert seen[-1]["code"] == 1000


async def test_who_waits_for_agents_is_let_go_when_the_server_ends(held: Held) -> None:
    await held.post("/api/sessions", session_id="call")
    await held.post("/api/sessions/call/end")
    await held.asked()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(read(held.served, "call"))
        await asyncio.sleep(0.1)
        held.served.stop()
    assert waiting.result()[-1]["code"] == 1012


async def test_who_waits_for_agents_of_a_call_that_is_deleted_is_told_no_error(held: Held) -> None:
    await held.post("/api/sessions", session_id="call")
    await held.post("/api/sessions/call/end")
    await held.asked()
    last = (await held.stored())[-1]["seq"]
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(read(held.served, "call", since=last))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(httpx.delete, f"{held.served.http}/api/sessions/call")
        held.go.set()
    assert waiting.result() == [{"type": "close", "code": 1000}]


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
