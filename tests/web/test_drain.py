"""SIGTERM: nothing new begins, what runs goes on for a while and ends with its last words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callscribe.settings import Settings
from callscribe.web.drain import Drain
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio

LISTEN = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"


@asynccontextmanager
async def told_to_end(
    settings: Settings, drain: float
) -> AsyncIterator[tuple[Served, AudioClient]]:
    """A server in mid-call, ``drain`` s before its end."""
    with serving(settings.model_copy(update={"drain": drain})) as served:
        client = await AudioClient.start(served, session_id=await begin(served), speaker="agent")
        await client.audio(tones(400))
        await client.until("final")
        served.terminate()
        async with asyncio.timeout(10):
            while not served.context.drain.begun:
                await asyncio.sleep(0.01)
        try:
            yield served, client
        finally:
            await client.socket.close()


async def begin(served: Served) -> str:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{served.http}/api/sessions", json={"session_id": "call"})
        assert answer.status_code == 201
    return "call"


async def ended(served: Served) -> None:
    await asyncio.to_thread(served.join)


async def test_nothing_new_is_taken(settings: Settings) -> None:
    async with told_to_end(settings, 60) as (served, client):
        async with httpx.AsyncClient(base_url=served.http) as http:
            health = await http.get("/healthz")
            assert (health.status_code, health.json()) == (503, {"status": "draining"})
            for path in ("/api/sessions", "/v1/listen"):
                refused = await http.post(path, json={} if "api" in path else None)
                assert refused.status_code == 503
                assert int(refused.headers["Retry-After"]) > 0
                assert "shutting down" in refused.text
            assert (await http.get("/api/sessions/call")).status_code == 200  # may still be read
        for start in ({"speaker": "technician", "session_id": "call"}, {"speaker": "agent"}):
            other = await AudioClient.start(served, **start)
            assert (other.messages[0]["code"], other.messages[0]["retryable"]) == (
                "shutting_down",
                True,
            )
            assert await other.closed() == (1012, "shutting_down")
        with pytest.raises(InvalidStatus) as upgrade:
            await connect(served.ws + LISTEN)
        assert upgrade.value.response.status_code == 503
        assert "Retry-After" in upgrade.value.response.headers
        await client.hang_up()
        await ended(served)  # long before its minute is over


async def test_what_runs_goes_on_even_where_its_client_is_lost(settings: Settings) -> None:
    async with told_to_end(settings, 60) as (served, client):
        await client.audio(tones(500))
        assert (await client.until("final"))["text"] == "f500"
        await client.socket.close()
        again = await AudioClient.start(
            served, session_id="call", speaker="agent", resume=client.ready["resume"]
        )
        assert again.ready["received"] > 0
        await again.audio(tones(600))
        while "f600" not in again.finals():  # the others are told once more
            await again.next()
        await again.stop()
        assert await again.closed() == (1000, "")  # it ended by itself
        await ended(served)


async def test_when_its_time_is_over_the_last_words_come_and_viewers_may_return(
    settings: Settings,
) -> None:
    async with (
        told_to_end(settings, 1.0) as (served, client),
        connect(f"{served.ws}/ws/sessions/call/events") as socket,
    ):
        await client.audio(tones(500, gap=0.0))  # no silence: there is no final yet
        code, why = await client.closed()
        assert (code, why) == (1012, "the server is shutting down; connect again in a moment")
        assert client.finals() == ["f400", "f500"]
        assert client.messages[-1]["type"] == "ended"
        viewer = AudioClient(socket)
        assert await viewer.closed() == (code, why)
        seen = viewer.messages
        (notice,) = [e for e in seen if e["type"] == "notice"]
        assert notice["code"] == "server_ending"
        assert "goes on for up to 1 s" in notice["message"]
        assert [e["text"] for e in seen if e["type"] == "final"] == ["f400", "f500"]
        assert seen[-1]["type"] == "session_ended"
        await ended(served)


@pytest.mark.parametrize("again", ["terminate", "stop"])
async def test_told_once_more_it_ends_at_once_with_the_last_words(
    settings: Settings, again: str
) -> None:
    async with told_to_end(settings, 3600) as (served, client):
        await client.audio(tones(500, gap=0.0))
        await client.send(type="keepalive")
        await client.until("interim")
        getattr(served, again)()
        assert (await client.closed())[0] == 1012
        assert client.finals() == ["f400", "f500"]
        await ended(served)


async def test_a_stream_of_deepgrams_protocol_ends_as_if_its_client_had_ended_it(
    settings: Settings,
) -> None:
    with serving(settings.model_copy(update={"drain": 1.0})) as served:
        async with connect(served.ws + LISTEN) as socket:
            await socket.send(tones(400))
            served.terminate()
            assert "f400" in str(await socket.recv())
            await socket.send(tones(500, gap=0.0))
            client = AudioClient(socket)
            assert (await client.closed())[0] == 1012
        assert [m["type"] for m in client.messages][-2:] == ["Results", "Metadata"]
        assert "f500" in str(client.messages)
        await ended(served)


async def test_who_runs_is_counted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    drain = Drain(served.context.service, 0)
    asked: list[str] = []

    class Stream:
        def ask_end(self) -> None:
            asked.append("end")

    assert drain.is_idle
    with drain.recording(), drain.recording():
        assert not drain.is_idle
    with drain.stream(Stream()):
        assert not drain.is_idle
        ending = asyncio.create_task(asyncio.wait_for(drain._over.wait(), 5))
        await asyncio.sleep(0)
        monkeypatch.setattr(served.context.service, "closing", True)
        with drain.stream(Stream()):  # began in the last moment
            assert asked == ["end"]
    await ending
    assert drain.is_idle
