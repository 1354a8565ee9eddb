"""Calls from Twilio, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from callscribe.settings import Settings
from callscribe.web.twilio import routes
from tests.serving import AudioClient, Served, serving
from tests.web.twilio.telephone import (
    AUTH_TOKEN,
    Line,
    call_sid,
    eventually,
    finals,
    mulaw,
    parameters,
    post,
    ring,
    sign,
    until_ended,
)

pytestmark = pytest.mark.anyio


async def test_a_call_is_written_down_side_by_side(exchange: Served) -> None:
    sid = call_sid()
    line = await Line.dial(exchange, sid, parameters(await ring(exchange, sid)))
    await line.play(inbound=mulaw(440), outbound=mulaw(660))
    assert await line.stop() == (1000, "")
    events = await until_ended(exchange, f"twilio-{sid}")
    assert sorted(finals(events)) == [("agent", "f660"), ("technician", "f440")]
    legs = [e for e in events if e["type"] == "leg_started"]
    assert [leg["sample_rate"] for leg in legs] == [8000, 8000]
    assert all(leg["offset"] < 0.1 for leg in legs)
    assert not [e for e in events if e["type"] in ("gap", "leg_detached")]


async def test_the_twiml_sends_the_stream_here_and_puts_the_call_through(
    telephone: Settings,
) -> None:
    given = {
        "public_url": "https://calls.example.com/",
        "twilio_dial": "+33123456789",
        "api_keys": "k",
    }
    sid = call_sid()
    with serving(Settings.model_validate({**telephone.model_dump(), **given})) as served:
        form = {"CallSid": sid, "From": "+33612345678"}
        path = "/twilio/voice?language=en"
        answer = await post(served, path, form, base="https://calls.example.com")
        assert answer.status_code == 200, answer.text
        wrong = await post(served, path, form)  # signed for the address behind the tunnel
        assert wrong.status_code == 403
        assert "CALLSCRIBE_PUBLIC_URL" in wrong.json()["message"]
    text = answer.text
    assert 'url="wss://calls.example.com/twilio/media"' in text
    assert 'statusCallback="https://calls.example.com/twilio/status"' in text
    assert 'track="both_tracks"' in text
    assert '<Parameter name="language" value="en" />' in text
    assert "<Dial>+33123456789</Dial>" in text


async def test_a_tunnel_reaches_the_telephone_and_nothing_else(telephone: Settings) -> None:
    public = Settings.model_validate(
        {**telephone.model_dump(), "public_url": "https://calls.example.com"}
    )
    with serving(public) as served:
        form = {"CallSid": call_sid()}
        outside = {"Host": "calls.example.com"}
        signed = sign("https://calls.example.com/twilio/voice", form) | outside
        assert (await post(served, "/twilio/voice", form, headers=signed)).status_code == 200
        for path in ("/api/sessions", "/twiliox", "/v1/listen"):
            assert (await post(served, path, {}, headers=outside)).status_code == 403
        elsewhere = {**signed, "Host": "evil.example.com"}
        assert (await post(served, "/twilio/voice", form, headers=elsewhere)).status_code == 403


async def test_without_an_auth_token_there_is_no_telephone(served: Served) -> None:
    answer = await post(served, "/twilio/voice", {"CallSid": call_sid()})
    assert answer.status_code == 404
    assert "CALLSCRIBE_TWILIO_AUTH_TOKEN" in answer.json()["message"]
    line = await Line.dial(served, call_sid(), {})
    code, reason = await line.closed()
    assert code == 1008
    assert reason.startswith("no_telephone: ")


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/status"])
async def test_a_forged_signature_is_refused_and_counted(exchange: Served, path: str) -> None:
    form = {"CallSid": call_sid()}
    good = sign(f"{exchange.http}{path}", form)
    for headers in ({}, {"X-Twilio-Signature": "é".encode("latin-1")}, {**sign("x", form)}):
        answer = await post(exchange, path, form, headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"
        assert AUTH_TOKEN not in answer.text
    changed = await post(exchange, path, {**form, "To": "+1"}, headers=good)
    assert changed.status_code == 403
    assert exchange.context.twilio.counts["refused_request"] == 4


async def test_a_form_that_is_none(exchange: Served) -> None:
    assert (await post(exchange, "/twilio/voice", {})).status_code == 400
    assert (await post(exchange, "/twilio/voice", {"CallSid": "CA1"})).status_code == 400
    many = {f"k{number}": "v" for number in range(300)}
    assert (await post(exchange, "/twilio/voice", many)).status_code == 400
    wrong = await post(exchange, "/twilio/voice?language=xx", {"CallSid": call_sid()})
    assert wrong.status_code == 422


@pytest.mark.parametrize("which", ["", "made-up", "used", "another"])
async def test_a_token_opens_one_stream_of_its_own_call(exchange: Served, which: str) -> None:
    sid = call_sid()
    given = parameters(await ring(exchange, sid))
    if which == "used":
        first = await Line.dial(exchange, sid, given, tracks=["inbound"])
        await first.play(inbound=mulaw(440))
        await first.stop()
    elif which == "another":
        given = parameters(await ring(exchange, call_sid()))
    else:
        given = {"token": which}
    code, reason = await (await Line.dial(exchange, sid, given)).closed()
    assert code == 1008
    assert reason.startswith("unauthorized: ")
    assert exchange.context.twilio.counts["refused_stream"] == 1


@pytest.mark.parametrize("first", ["media", "stop", "binary", "nonsense", "10 MB"])
async def test_nothing_comes_before_start(exchange: Served, first: str) -> None:
    line = await Line.connect(exchange, call_sid())
    what = {
        "media": '{"event":"media","media":{"track":"inbound","chunk":"1","timestamp":"0",'
        '"payload":"//8="}}',
        "stop": '{"event":"stop"}',
        "binary": b"\x00",
        "nonsense": "{]",
        "10 MB": " " * 10_000_000,
    }[first]
    with contextlib.suppress(ConnectionClosed):
        await line.socket.send(what)
    code, reason = await line.closed()
    assert code == (1009 if first == "10 MB" else 1007)
    if first == "media":
        assert "before media comes start" in reason


async def test_start_has_to_come_soon(exchange: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "START_PATIENCE", 0.1)
    line = await Line.connect(exchange, call_sid())
    code, reason = await line.closed()
    assert (code, reason.partition(":")[0]) == (1008, "start_timeout")


async def test_an_agent_in_a_browser_joins_the_call(exchange: Served) -> None:
    """Whoever begins: the browser's leg holds its name, the telephone's track is left out."""
    sid = call_sid()
    given = parameters(await ring(exchange, sid))
    loop = exchange.server.servers[0].get_loop()
    begun = exchange.context.service.initialize_session(f"twilio-{sid}")
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begun, loop))
    browser = await AudioClient.start(exchange, session_id=f"twilio-{sid}", speaker="agent")
    line = await Line.dial(exchange, sid, given)
    await line.play(inbound=mulaw(440), outbound=mulaw(880))
    await line.stop()
    events = await until_ended(exchange, f"twilio-{sid}")
    assert finals(events) == [("technician", "f440")]
    assert "track_left_out" in [e["code"] for e in events if e["type"] == "notice"]
    await browser.socket.close()


async def test_a_call_that_is_sent_here_again_is_another_session(exchange: Served) -> None:
    sid = call_sid()
    for session_id in (f"twilio-{sid}", f"twilio-{sid}-2"):
        line = await Line.dial(exchange, sid, parameters(await ring(exchange, sid)))
        await line.play(inbound=mulaw(440))
        await line.stop()
        assert finals(await until_ended(exchange, session_id)) == [("technician", "f440")]


async def test_a_call_that_is_over_ends_its_session(exchange: Served) -> None:
    sid = call_sid()
    line = await Line.dial(exchange, sid, parameters(await ring(exchange, sid)))
    await line.play(inbound=mulaw(440))
    await eventually(lambda: exchange.context.twilio.calls.get(sid) is not None)
    answer = await post(exchange, "/twilio/status", {"CallSid": sid, "CallStatus": "completed"})
    assert answer.status_code == 204
    await until_ended(exchange, f"twilio-{sid}")
    line.drop()
    unknown = {"CallSid": call_sid(), "CallStatus": "completed"}
    assert (await post(exchange, "/twilio/status", unknown)).status_code == 204
