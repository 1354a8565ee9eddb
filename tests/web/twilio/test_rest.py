"""Twilio's REST API that hangs, fails or answers, asked by Twilio's own library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from twilio.base.exceptions import TwilioRestException

from callscribe.settings import Settings
from callscribe.web.twilio import again, rest
from callscribe.web.twilio.rest import THREADS, Rest
from tests.cli.running import ROOT
from tests.serving import Served, serving
from tests.web.twilio.rest_api import Api
from tests.web.twilio.telephone import ACCOUNT, call_sid, eventually, post, ring

pytestmark = pytest.mark.anyio

MANY = 40
"""More than any executor of a loop has threads for."""


@pytest.fixture
def exchange(telephone: Settings, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(again, "FAREWELL", 0.01)
    with serving(telephone) as served:
        served.context.twilio.rest.make_client = api.client
        yield served


async def test_a_twilio_that_hangs_delays_nothing_else(exchange: Served, api: Api) -> None:
    """Nor the end of the server: what it does is not waited for."""
    api.answering.clear()
    sids = [call_sid() for _ in range(MANY)]
    for sid in sids:
        await ring(exchange, sid)
    lost = {"AccountSid": ACCOUNT, "StreamSid": "MZ1", "StreamEvent": "stream-error"}
    telling = [
        asyncio.create_task(post(exchange, "/twilio/status", {**lost, "CallSid": sid}))
        for sid in sids
    ]
    calls = exchange.context.twilio.calls
    await eventually(lambda: all(call and call.awaited for call in map(calls.get, sids)))
    await eventually(lambda: len(api.asked) >= THREADS)

    async def elsewhere() -> str:
        return await asyncio.to_thread(lambda: "done")

    loop = exchange.server.servers[0].get_loop()
    async with asyncio.timeout(5):
        assert await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(elsewhere(), loop)) == (
            "done"
        )
    assert len(api.asked) == THREADS
    await asyncio.to_thread(lambda: (exchange.stop(), exchange.join()))
    assert not api.answering.is_set()
    await asyncio.gather(*telling, return_exceptions=True)


async def test_a_question_has_a_deadline_and_those_behind_it_their_turn(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Rest(api.client)
    api.answering.clear()
    monkeypatch.setattr(rest, "DEADLINE", 0.3)
    late = [asking.ask(lambda twilio: twilio.calls("CA1").fetch()) for _ in range(MANY)]
    answers = await asyncio.gather(*late, return_exceptions=True)
    assert {type(answer) for answer in answers} == {TimeoutError}
    assert len(api.looked_at) == THREADS
    monkeypatch.setattr(rest, "DEADLINE", 20.0)
    next_one = asyncio.create_task(asking.ask(lambda twilio: twilio.calls("CA2").fetch()))
    await asyncio.sleep(0)
    api.answering.set()
    assert (await next_one).status == "in-progress"
    assert len(api.looked_at) == THREADS + 1  # nobody waited for the others any more


async def test_what_twilio_says_no_with_is_raised(api: Api) -> None:
    api.answers = [404]
    with pytest.raises(TwilioRestException) as caught:
        await Rest(api.client).ask(lambda twilio: twilio.calls("CA1").fetch())
    assert caught.value.status == 404


async def test_after_the_end_nobody_is_asked() -> None:
    held = threading.Event()
    asking = Rest(object)
    waiting = [asyncio.create_task(asking.ask(lambda _: held.wait())) for _ in range(MANY)]
    await asyncio.sleep(0)
    asking.close()
    asking.close()
    for task in waiting:
        with pytest.raises(ConnectionAbortedError):
            await task
    with pytest.raises(ConnectionAbortedError):
        await asking.ask(lambda _: True)
    held.set()


def test_a_thread_that_hangs_does_not_keep_the_process_alive() -> None:
    script = """
import asyncio, contextlib, threading
from callscribe.web.twilio import rest
rest.DEADLINE = 0.01
async def main():
    with contextlib.suppress(TimeoutError):
        await rest.Rest(object).ask(lambda _: threading.Event().wait())
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=True)
    assert done.returncode == 0
