"""A stream's frames on their way into the legs, whatever the network or a stranger does."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from websockets.frames import Frame, Opcode

from callscribe.errors import SpeakerTaken
from callscribe.web.twilio.calls import Place
from callscribe.web.twilio.stream import MOST_MISTAKES, Stream, _Side
from callscribe.wire.twilio import Media, MediaBody, MediaFormat, encode
from callscribe.wire.twilio_track import Track
from tests.serving import Served
from tests.web.twilio.telephone import (
    FRAME,
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


async def talking(served: Served, **start: Any) -> Line:
    sid = call_sid()
    return await Line.dial(served, sid, parameters(await ring(served, sid)), **start)


def frame(line: Line, *, stream_sid: str = "", **changes: str) -> str:
    """The first frame of the stream, with something wrong in it."""
    body = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "//8=", **changes}
    return json.dumps({"event": "media", "streamSid": stream_sid or line.stream_sid, "media": body})


async def hang_up(served: Served, line: Line) -> list[dict[str, Any]]:
    await line.stop()
    return await until_ended(served, f"twilio-{line.sid}")


async def test_lost_frames_are_a_gap_and_the_clock_stays_true(exchange: Served) -> None:
    line = await talking(exchange)
    # A tone, then another; between them 0.2 s do not come, on either track.
    audio = mulaw(440, 660)
    await line.play(lose=range(22, 32), inbound=audio, outbound=audio)
    events = await hang_up(exchange, line)
    gaps = [e for e in events if e["type"] == "gap"]
    assert sorted(gap["speaker"] for gap in gaps) == ["agent", "technician"]
    offsets = {e["speaker"]: e["offset"] for e in events if e["type"] == "leg_started"}
    for gap in gaps:
        assert gap["reason"] == "network"
        assert gap["start"] - offsets[gap["speaker"]] == pytest.approx(0.44, abs=1e-3)
        assert gap["end"] - offsets[gap["speaker"]] == pytest.approx(0.64, abs=1e-3)
    for speaker in ("technician", "agent"):
        said = [e for e in events if e["type"] == "final" and e["speaker"] == speaker]
        assert [e["text"] for e in said] == ["f440", "f660"]
        assert said[1]["start"] - offsets[speaker] == pytest.approx(0.9, abs=0.01)
    ended = [e for e in events if e["type"] == "leg_ended"]
    whole = len(audio) // FRAME * FRAME / 8000
    assert [e["seconds"] for e in ended] == pytest.approx([whole, whole])
    counts = exchange.context.twilio.counts
    assert (counts["lost_frames"], counts["gaps"]) == (20, 2)


async def test_doubled_and_swapped_frames_change_nothing(exchange: Served) -> None:
    line = await talking(exchange, tracks=["inbound"])
    audio = mulaw(440)
    count = len(audio) // FRAME
    order = [n ^ 1 if n ^ 1 < count else n for n in range(count)]
    for number in order:
        media = line.media("inbound", number, audio[number * FRAME : (number + 1) * FRAME])
        await line.send(media)
        await line.send(media)
    events = await hang_up(exchange, line)
    (final,) = [e for e in events if e["type"] == "final"]
    assert final["text"] == "f440"
    assert final["end"] - final["start"] == pytest.approx(0.3, abs=0.01)
    assert not [e for e in events if e["type"] == "gap"]
    assert exchange.context.twilio.counts["doubled_frames"] == count


async def test_a_track_that_begins_later_has_its_place(exchange: Served) -> None:
    """The other side answers after a second: the time stamps say so, though all comes at once."""
    line = await talking(exchange)
    audio, late = mulaw(440), 50
    await line.play(inbound=audio)
    await asyncio.sleep(1.2)
    for number in range(len(audio) // FRAME):
        piece = audio[number * FRAME : (number + 1) * FRAME]
        body = MediaBody(
            track="outbound", chunk=number + 1, timestamp=(late + number) * 20, payload=piece
        )
        await line.send(Media(stream_sid=line.stream_sid, media=body))
    events = await hang_up(exchange, line)
    offsets = {e["speaker"]: e["offset"] for e in events if e["type"] == "leg_started"}
    assert offsets["agent"] - offsets["technician"] == pytest.approx(late * 0.02, abs=0.01)
    assert not [e for e in events if e["type"] == "gap"]


async def test_a_second_stream_for_a_track_is_refused(exchange: Served) -> None:
    line = await talking(exchange)
    await line.play(inbound=mulaw(440))
    await eventually(lambda: exchange.context.service.live_legs == 2)
    given = parameters(await ring(exchange, line.sid))
    second = await Line.dial(exchange, line.sid, given)
    code, reason = await second.closed()
    assert (code, reason.partition(":")[0]) == (1008, "speaker_taken")
    assert finals(await hang_up(exchange, line)) == [("technician", "f440")]


@pytest.mark.parametrize(
    ("start", "code", "says"),
    [
        ({"media_format": MediaFormat(encoding="audio/l16")}, 1003, "bad_encoding"),
        ({"media_format": MediaFormat(sample_rate=16_000)}, 1003, "bad_encoding"),
        ({"media_format": MediaFormat(channels=2)}, 1003, "bad_encoding"),
        ({"tracks": []}, 1007, "bad_message"),
        ({"tracks": ["inbound", "inbound"]}, 1007, "bad_message"),
        ({"tracks": [f"track-{n}" for n in range(1000)]}, 1007, "bad_message"),
    ],
)
async def test_a_start_that_no_telephone_sends(
    exchange: Served, start: dict[str, Any], code: int, says: str
) -> None:
    line = await talking(exchange, **start)
    closed, reason = await line.closed()
    assert (closed, reason.partition(":")[0]) == (code, says)


def together(line: Line, *messages: Any) -> None:
    """Sends several messages at once, so that they are read at once."""
    texts = [message if isinstance(message, str) else encode(message) for message in messages]
    frames = [Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts]
    line.socket.transport.write(b"".join(frames))


async def test_what_came_together_with_the_end_of_a_stream_is_heard(exchange: Served) -> None:
    line = await talking(exchange)
    audio = mulaw(440, 660)
    pieces = [audio[at : at + FRAME] for at in range(0, len(audio) - FRAME + 1, FRAME)]
    media = [line.media(t, n, p) for n, p in enumerate(pieces) for t in ("inbound", "outbound")]
    await line.send(media[0])
    for first in range(1, len(media), 30):
        together(line, *media[first : first + 30])
    too_many = ["{]"] * (MOST_MISTAKES + 1)
    last = line.media("inbound", len(pieces), pieces[0])
    other = line.media("outbound", len(pieces), pieces[0])
    together(line, last, other, *too_many, last)
    assert (await line.closed())[0] == 1008
    legs = exchange.context.calls.live(f"twilio-{line.sid}").legs.all
    received = {leg.speaker: leg.received for leg in legs}
    whole = (len(pieces) + 1) * FRAME
    assert received == {"technician": whole, "agent": whole}


async def test_what_one_track_is_refused_the_other_still_gets() -> None:
    stream = Stream.__new__(Stream)
    sent: list[str] = []

    async def send_all(side: Any, _: Any) -> None:
        if side == "refused":
            raise SpeakerTaken("another has it")
        sent.append(side)

    stream._send_all = send_all  # type: ignore[method-assign]
    with pytest.raises(SpeakerTaken):
        await stream._send_late([("refused", b"ab"), ("other", b"cd")])  # type: ignore[list-item]
    assert sent == ["other"]


async def test_a_side_has_begun_also_where_another_stream_said_when() -> None:
    sent: list[bytes] = []

    async def send(audio: bytes) -> None:
        sent.append(audio)

    holder: Any = SimpleNamespace(leg=None, send=send)
    side = _Side(Place(holder.leg, first_sample=1.0), holder, Track())
    await Stream._send(Stream.__new__(Stream), side, b"ab")
    assert sent == [b"ab"]
    assert side.begun, "else each frame would go the long way"


async def test_odd_messages_are_counted_and_the_call_goes_on(exchange: Served) -> None:
    line = await talking(exchange)
    audio = mulaw(440)
    odd = [
        "",
        "{]",
        '{"event":"media"}',
        frame(line, payload="***"),
        frame(line, payload=""),
        frame(line, timestamp="-7"),
        frame(line, stream_sid="another"),
        *(frame(line, track=f"t{number}") for number in range(50)),
    ]
    with structlog.testing.capture_logs() as logs:
        for text in odd:
            await line.send(text)
        await line.send('{"event":"applause"}')
        await line.send('{"event":"dtmf","dtmf":{"digit":"1"}}')
        await line.send('{"event":"mark","mark":{"name":"x"}}')
        await line.play(inbound=audio)
        assert finals(await hang_up(exchange, line)) == [("technician", "f440")]
    counts = exchange.context.twilio.counts
    assert counts["mistakes"] == len(odd)
    assert counts["unknown_messages"] == 1
    assert len([entry for entry in logs if entry["event"] == "twilio_mistake"]) == 1


async def test_a_thousand_unknown_tracks_end_their_own_stream_only(exchange: Served) -> None:
    other, line = await talking(exchange), await talking(exchange)
    await other.play(inbound=mulaw(440))
    for number in range(1000):
        await line.send(line.media(f"track-{number}", 0, b"\xff"))
        if number > MOST_MISTAKES and line.socket.close_code is not None:
            break
    code, reason = await line.closed()
    assert (code, reason.partition(":")[0]) == (1008, "too_many_mistakes")
    assert finals(await hang_up(exchange, other)) == [("technician", "f440")]


async def test_a_message_of_ten_megabytes_ends_its_own_stream_only(exchange: Served) -> None:
    other, line = await talking(exchange), await talking(exchange)
    await other.play(inbound=mulaw(440))
    await line.send(" " * 100_000)
    assert (await line.closed())[0] == 1009
    assert finals(await hang_up(exchange, other)) == [("technician", "f440")]


async def test_a_call_in_its_own_language(exchange: Served) -> None:
    sid = call_sid()
    given = parameters(await ring(exchange, sid, "/twilio/voice?language=en"))
    line = await Line.dial(exchange, sid, given)
    await line.play(inbound=mulaw(440))
    events = await hang_up(exchange, line)
    assert {e["language"] for e in events if e["type"] == "leg_started"} == {"en"}


async def test_a_session_that_is_ended_by_the_api_ends_the_stream(exchange: Served) -> None:
    line = await talking(exchange)
    await line.play(inbound=mulaw(440))
    await eventually(lambda: exchange.context.service.live_legs == 2)
    session = exchange.context.service.session(f"twilio-{line.sid}")
    exchange.server.servers[0].get_loop().call_soon_threadsafe(session.ask_end)
    await until_ended(exchange, f"twilio-{line.sid}")
    await line.send(line.media("inbound", len(mulaw(440)) // FRAME, b"\xff" * FRAME))
    code, reason = await line.closed()
    assert (code, reason.partition(":")[0]) == (1008, "session_closed")
    gone = {"CallSid": line.sid, "StreamSid": line.stream_sid, "StreamEvent": "stream-stopped"}
    assert (await post(exchange, "/twilio/status", gone)).status_code == 204
    assert exchange.context.twilio.calls.get(line.sid) is None


async def test_a_call_that_is_deleted_is_closed_with_the_reason(exchange: Served) -> None:
    """And Twilio, which then tells of a broken stream, is not asked for another."""
    line = await talking(exchange)
    await line.play(inbound=mulaw(440), outbound=mulaw(660))
    service = exchange.context.service
    await eventually(lambda: service.live_legs == 2)
    address = f"{exchange.http}/api/sessions/twilio-{line.sid}"
    async with asyncio.timeout(20), httpx.AsyncClient() as http:
        deleting = asyncio.create_task(http.delete(address))
        for number in count(len(mulaw(440)) // FRAME):
            await line.send(line.media("inbound", number, b"\xff" * FRAME))
            await asyncio.sleep(0.02)
            if line.socket.close_code is not None:
                break
        assert (await deleting).status_code == 204
    code, reason = await line.closed()
    assert (code, reason.partition(":")[0]) == (1008, "session_deleted")
    assert "was deleted" in reason
    broken = {"CallSid": line.sid, "StreamSid": line.stream_sid, "StreamEvent": "stream-error"}
    assert (await post(exchange, "/twilio/status", broken)).status_code == 204
    assert exchange.context.twilio.counts["started_again"] == 0
    assert service.sessions() == []
