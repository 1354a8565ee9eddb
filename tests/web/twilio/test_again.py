"""A stream that breaks off is taken up again, through Twilio's REST API by its own library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from callscribe.settings import Settings
from callscribe.web.twilio import again
from tests.serving import Served, serving
from tests.web.twilio.rest_api import Api
from tests.web.twilio.telephone import (
    ACCOUNT,
    Line,
    call_sid,
    eventually,
    finals,
    mulaw,
    parameters,
    post,
    ring,
    until_ended,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def exchange(telephone: Settings, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(again, "FAREWELL", 0.05)
    with serving(telephone) as served:
        served.context.twilio.rest.make_client = api.client
        yield served


def ended(line: Line, event: str = "stream-error") -> dict[str, str]:
    return {
        "AccountSid": ACCOUNT,
        "CallSid": line.sid,
        "StreamSid": line.stream_sid,
        "StreamEvent": event,
        "StreamError": "the socket closed",
    }


async def broken(served: Served) -> Line:
    """A call whose stream has broken off behind its first word."""
    sid = call_sid()
    line = await Line.dial(served, sid, parameters(await ring(served, sid)))
    await line.play(inbound=mulaw(440), outbound=mulaw(880))
    legs = served.context.service.session
    await eventually(lambda: served.context.twilio.calls.get(sid) is not None)
    await eventually(lambda: all(leg.received > 7000 for leg in legs(f"twilio-{sid}").legs.all))
    line.drop()
    await eventually(lambda: served.context.twilio.counts["broken_stream"] == 1)
    return line


async def test_a_stream_that_breaks_is_taken_up_in_the_same_session(
    exchange: Served, api: Api
) -> None:
    first = await broken(exchange)
    assert (await post(exchange, "/twilio/status", ended(first))).status_code == 204
    ((path, form),) = api.asked
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{first.sid}/Streams.json"
    assert form["Url"] == f"{exchange.ws}/twilio/media"
    assert form["Track"] == "both_tracks"
    assert form["StatusCallback"] == f"{exchange.http}/twilio/status"
    assert form["Parameter1.Name"] == "token"
    second = await Line.dial(exchange, first.sid, {"token": form["Parameter1.Value"]})
    await second.play(inbound=mulaw(660), outbound=mulaw(220))
    await second.stop()
    events = await until_ended(exchange, f"twilio-{first.sid}")
    assert sorted(finals(events)) == [
        ("agent", "f220"), ("agent", "f880"), ("technician", "f440"), ("technician", "f660"),
    ]  # fmt: skip
    resumed = [e for e in events if e["type"] == "leg_resumed"]
    assert len(resumed) == 2
    gaps = {e["speaker"]: e for e in events if e["type"] == "gap"}
    seconds = {e["speaker"]: e["seconds"] for e in events if e["type"] == "leg_ended"}
    heard = len(mulaw(440)) // 160 * 160 / 8000
    for speaker, gap in gaps.items():
        # The legs were played faster than they were spoken: what was missed is what is left.
        assert gap["reason"] == "network"
        assert seconds[speaker] == pytest.approx(2 * heard + gap["end"] - gap["start"], abs=0.01)


async def test_what_was_missed_in_between_is_a_gap_of_its_length(
    exchange: Served, api: Api
) -> None:
    first = await broken(exchange)
    call = exchange.context.twilio.calls.get(first.sid)
    assert call is not None
    for place in call.places.values():  # as if the call had begun ten seconds before
        assert place.first_sample is not None
        place.first_sample -= 10
    await post(exchange, "/twilio/status", ended(first, "stream-stopped"))
    token = api.asked[0][1]["Parameter1.Value"]
    second = await Line.dial(exchange, first.sid, {"token": token})
    await second.play(inbound=mulaw(660), outbound=mulaw(220))
    await second.stop()
    events = await until_ended(exchange, f"twilio-{first.sid}")
    gaps = [e for e in events if e["type"] == "gap"]
    assert sorted(gap["speaker"] for gap in gaps) == ["agent", "technician"]
    assert all(8 < gap["end"] - gap["start"] < 15 for gap in gaps)
    said = {e["text"]: e for e in events if e["type"] == "final"}
    assert said["f660"]["start"] > max(gap["end"] for gap in gaps)


async def test_a_socket_that_only_seems_to_be_there_is_taken_over(
    exchange: Served, api: Api
) -> None:
    """Twilio says that the stream has failed before the socket breaks."""
    sid = call_sid()
    first = await Line.dial(exchange, sid, parameters(await ring(exchange, sid)))
    await first.play(inbound=mulaw(440), outbound=mulaw(880))
    await eventually(lambda: exchange.context.service.live_legs == 2)
    await post(exchange, "/twilio/status", ended(first))
    second = await Line.dial(exchange, sid, {"token": api.asked[0][1]["Parameter1.Value"]})
    await second.play(inbound=mulaw(660))
    legs = exchange.context.service.session(f"twilio-{sid}").legs
    await eventually(lambda: legs.all[0].received > 12_000)
    await first.send(first.media("inbound", len(mulaw(440)) // 160, b"\xff" * 160))
    code, reason = await first.closed()
    assert (code, reason.partition(":")[0]) == (1008, "taken_over")
    await second.stop()
    events = await until_ended(exchange, f"twilio-{sid}")
    assert ("technician", "f660") in finals(events)
    assert len([e for e in events if e["type"] == "leg_started"]) == 2


async def test_a_first_stream_that_does_not_get_through_is_started_again(
    exchange: Served, api: Api
) -> None:
    sid = call_sid()
    await ring(exchange, sid, "/twilio/voice?language=en")
    lost = {"CallSid": sid, "StreamSid": "MZ1", "StreamEvent": "stream-error"}
    assert (await post(exchange, "/twilio/status", lost)).status_code == 204
    line = await Line.dial(exchange, sid, {"token": api.asked[0][1]["Parameter1.Value"]})
    await line.play(inbound=mulaw(440))
    await line.stop()
    events = await until_ended(exchange, f"twilio-{sid}")
    assert finals(events) == [("technician", "f440")]
    assert {e["language"] for e in events if e["type"] == "leg_started"} == {"en"}
    stranger = {**lost, "CallSid": call_sid()}
    assert (await post(exchange, "/twilio/status", stranger)).status_code == 204
    assert len(api.asked) == 1


async def test_a_call_whose_server_died_is_taken_up_by_the_next(
    telephone: Settings, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session was taken up from the store; of the stream the new server knows nothing."""
    monkeypatch.setattr(again, "FAREWELL", 0.05)
    sid = call_sid()
    with serving(telephone) as served:
        served.context.twilio.rest.make_client = api.client
        loop = served.server.servers[0].get_loop()
        begun = served.context.service.initialize_session(f"twilio-{sid}")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begun, loop))
        lost = {"CallSid": sid, "StreamSid": "MZ1", "StreamEvent": "stream-stopped"}
        await post(served, "/twilio/status", lost)
        line = await Line.dial(served, sid, {"token": api.asked[0][1]["Parameter1.Value"]})
        await line.play(inbound=mulaw(440))
        await line.stop()
        events = await until_ended(served, f"twilio-{sid}")
    assert finals(events) == [("technician", "f440")]


async def test_a_stream_that_was_stopped_is_left_alone(exchange: Served, api: Api) -> None:
    sid = call_sid()
    line = await Line.dial(exchange, sid, parameters(await ring(exchange, sid)))
    await line.play(inbound=mulaw(440))
    await line.stop()
    await until_ended(exchange, f"twilio-{sid}")
    for event in ("stream-started", "stream-stopped", "stream-error", "applause"):
        assert (await post(exchange, "/twilio/status", ended(line, event))).status_code == 204
    assert api.asked == []


async def test_a_call_that_twilio_says_is_over_is_not_asked_for_again(
    exchange: Served, api: Api
) -> None:
    api.answers = [404]
    line = await broken(exchange)
    await post(exchange, "/twilio/status", ended(line))
    assert len(api.asked) == 1
    assert exchange.context.twilio.counts["start_again_failed"] == 1


async def test_twilio_is_asked_again_when_it_fails(exchange: Served, api: Api) -> None:
    api.answers = [503, 429]
    line = await broken(exchange)
    await post(exchange, "/twilio/status", ended(line))
    assert len(api.asked) == 3
    assert exchange.context.twilio.counts["started_again"] == 1
    assert len({form["Parameter1.Value"] for _, form in api.asked}) == 1
    # Told twice of the same stream, nothing more is done.
    await post(exchange, "/twilio/status", ended(line, "stream-stopped"))
    assert len(api.asked) == 3


async def test_a_call_that_breaks_for_ever_is_left_alone(exchange: Served, api: Api) -> None:
    line = await broken(exchange)
    for _ in range(9):
        await post(exchange, "/twilio/status", ended(line))
        call = exchange.context.twilio.calls.get(line.sid)
        assert call is not None
        line.stream_sid = call.awaited or line.stream_sid  # the new stream fails at once
    assert len(api.asked) == 5
    assert exchange.context.twilio.counts["not_started_again"] == 4


async def test_without_an_account_nothing_is_asked(
    telephone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "FAREWELL", 0.05)
    settings = Settings.model_validate({**telephone.model_dump(), "twilio_account_sid": ""})
    with serving(settings) as served:
        line = await broken(served)
        await post(served, "/twilio/status", ended(line))
        assert served.context.twilio.counts["not_started_again"] == 1
