"""The webhook, against a real receiver."""

from __future__ import annotations

import asyncio
import hashlib
import hmac

import httpx
import pytest

from callscribe.agents.webhook import WebhookAgent, sign
from callscribe.errors import ConfigurationError, UpstreamError
from tests.agents.receivers import Answer, Request, answering, receiving
from tests.agents.working import QUICK, Scripted, call, eventually, final, working

pytestmark = pytest.mark.anyio


async def test_a_final_is_posted_signed_with_a_stable_id() -> None:
    async with receiving() as receiver:
        agent = WebhookAgent(receiver.url + "/hook", "s3cret", clock=lambda: 1000.9)
        said = final("la chaudière", 7, session_id="appel 1/é")
        for _ in range(2):
            (finding,) = await agent.handle(said, call())
            assert (finding.kind, finding.key) == ("delivery", "appel 1/é:7")
            assert finding.body == {"status": 200}
        await agent.close()
    first, second = receiver.requests
    assert first.body == second.body
    assert first.json == {"id": "appel 1/é:7", "event": said.to_dict()}
    assert first.path == "/hook"
    assert first.headers["x-callscribe-event"] == "appel%201%2F%C3%A9:7"
    mac = hmac.new(b"s3cret", b"1000." + first.body, hashlib.sha256).hexdigest()
    assert first.headers["x-callscribe-signature"] == f"t=1000,v1={mac}"
    assert receiver.connections == 1


def test_the_signature_hangs_on_secret_time_and_body() -> None:
    assert (
        len({sign("a", 1, b"x"), sign("b", 1, b"x"), sign("a", 2, b"x"), sign("a", 1, b"y")}) == 4
    )


async def test_the_end_is_posted_with_what_was_said() -> None:
    async with receiving() as receiver:
        agent = WebhookAgent(receiver.url, "s")
        async with working(agent) as work:
            await work.say("un", "deux")
            await work.end()
            await work.settled()
    told = [request.json for request in receiver.requests]
    assert [message["id"] for message in told] == ["call:2", "call:3", "call:end"]
    assert [u["text"] for u in told[-1]["event"]["utterances"]] == ["un", "deux"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_success_is_done(status: int) -> None:
    async with (
        receiving(answering(status)) as receiver,
        working(WebhookAgent(receiver.url, "s")) as work,
    ):
        await work.say("un")
        await work.settled()
        assert (len(receiver.requests), work.store.buried) == (1, {})
        assert work.results("webhook") == ["call:2"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_a_refusal_is_a_dead_letter_at_once(status: int) -> None:
    async with (
        receiving(answering(status, 200)) as receiver,
        working(WebhookAgent(receiver.url, "s")) as work,
    ):
        await work.say("un", "deux")
        await work.settled()
        (letter,) = work.store.buried.values()
        assert (letter.attempts, str(status) in letter.error) == (1, True)
        assert work.results("webhook") == ["call:3"]
        assert await work.runner.replay(letter.letter_id) is True
    assert [request.json["id"] for request in receiver.requests] == ["call:2", "call:3", "call:2"]


@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
async def test_trouble_is_tried_again(status: int) -> None:
    async with (
        receiving(answering(status, status, 200)) as receiver,
        working(WebhookAgent(receiver.url, "s")) as work,
    ):
        await work.say("un")
        await work.settled()
        assert work.results("webhook") == ["call:2"]
    assert [request.json["id"] for request in receiver.requests] == ["call:2"] * 3


async def test_one_that_never_answers_costs_its_deadline_and_nobody_else_anything() -> None:
    async def never(_: Request) -> Answer:
        await asyncio.sleep(3600)
        return 200, b""

    other = Scripted("other")
    async with receiving(never) as receiver:
        async with working(WebhookAgent(receiver.url, "s", deadline=0.05), other) as work:
            await work.say("un", "deux")
            await work.settled()
            assert work.results("other") == ["2", "3"]
            assert [letter.attempts for letter in work.store.buried.values()] == [
                QUICK.attempts
            ] * 2
        assert len(receiver.requests) == 2 * QUICK.attempts


async def test_one_that_is_not_there_is_a_retryable_error() -> None:
    async with receiving() as receiver:
        pass
    agent = WebhookAgent(receiver.url, "s")
    with pytest.raises(UpstreamError) as caught:
        await agent.handle(final("un"), call())
    assert (caught.value.code, caught.value.retryable) == ("webhook_unreachable", True)
    await agent.close()


async def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    agent = WebhookAgent(f"http://127.0.0.1:{port}", "s")
    (finding,) = await agent.handle(final("un"), call())
    assert finding.body == {"status": 200}
    await eventually(gone.is_set)
    await agent.close()
    server.close()


@pytest.mark.parametrize("url", ["ftp://x", "example.org/hook", "http://", "http://[", "/hook"])
def test_a_wrong_address_is_said(url: str) -> None:
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_WEBHOOK_URL"):
        WebhookAgent(url, "s")


def test_without_a_secret_nothing_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_WEBHOOK_SECRET"):
        WebhookAgent("http://127.0.0.1", "")


async def test_a_closed_agent_is_closed_twice() -> None:
    agent = WebhookAgent("http://127.0.0.1", "s")
    await agent.close()
    await agent.close()
    with pytest.raises((RuntimeError, httpx.HTTPError)):
        await agent.handle(final("un"), call())
