"""Twilio's messages, read and written."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.errors import ProtocolError
from callscribe.wire.twilio import (
    MAX_TEXT,
    Connected,
    Dtmf,
    DtmfBody,
    Mark,
    MarkBody,
    Media,
    MediaBody,
    Message,
    Start,
    StartBody,
    Stop,
    StopBody,
    Unknown,
    encode,
    parse,
)

CALL, STREAM = "CA" + "0" * 32, "MZ" + "1" * 32

START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "streamSid": STREAM,
        "accountSid": "AC" + "2" * 32,
        "callSid": CALL,
        "tracks": ["inbound", "outbound"],
        "customParameters": {"token": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
    "streamSid": STREAM,
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "4",
    "media": {
        "track": "inbound",
        "chunk": "2",
        "timestamp": "25",
        "payload": base64.b64encode(bytes(range(160))).decode(),
    },
    "streamSid": STREAM,
}


def test_a_whole_call_as_twilio_writes_it() -> None:
    connected = parse('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    assert connected == Connected()
    start = parse(json.dumps(START))
    assert isinstance(start, Start)
    assert start.start.call_sid == CALL
    assert start.start.tracks == ["inbound", "outbound"]
    assert start.start.custom_parameters == {"token": "t"}
    assert (start.start.media_format.encoding, start.start.media_format.sample_rate) == (
        "audio/x-mulaw",
        8000,
    )
    media = parse(json.dumps(MEDIA))
    assert isinstance(media, Media)
    assert media.stream_sid == STREAM
    assert media.sequence_number == 4
    assert media.media == MediaBody(
        track="inbound", chunk=2, timestamp=25, payload=bytes(range(160))
    )
    dtmf = parse(
        '{"event":"dtmf","streamSid":"MZ","sequenceNumber":"5",'
        '"dtmf":{"track":"inbound_track","digit":"1"}}'
    )
    assert isinstance(dtmf, Dtmf)
    assert dtmf.dtmf.digit == "1"
    mark = parse('{"event":"mark","sequenceNumber":"4","streamSid":"MZ","mark":{"name":"m"}}')
    assert isinstance(mark, Mark)
    stop = parse(
        '{"event":"stop","sequenceNumber":"9","streamSid":"MZ",'
        '"stop":{"accountSid":"AC","callSid":"CA"}}'
    )
    assert isinstance(stop, Stop)
    assert stop.stop.call_sid == "CA"


@pytest.mark.parametrize("written", [START, MEDIA])
def test_it_is_written_as_twilio_writes_it(written: dict[str, object]) -> None:
    assert json.loads(encode(parse(json.dumps(written)))) == written


numbers = st.integers(0, 2**40)
names = st.text(max_size=20)
heads = {"sequence_number": numbers, "stream_sid": names}
messages = st.one_of(
    st.builds(Connected, protocol=names, version=names),
    st.builds(
        Start,
        start=st.builds(
            StartBody,
            call_sid=names,
            tracks=st.lists(names, max_size=3),
            custom_parameters=st.dictionaries(names, names, max_size=3),
        ),
        **heads,
    ),
    st.builds(
        Media,
        media=st.builds(
            MediaBody,
            track=names,
            chunk=numbers,
            timestamp=numbers,
            payload=st.binary(max_size=200),
        ),
        **heads,
    ),
    st.builds(Dtmf, dtmf=st.builds(DtmfBody, digit=names, track=names), **heads),
    st.builds(Mark, mark=st.builds(MarkBody, name=names), **heads),
    st.builds(Stop, stop=st.builds(StopBody, call_sid=names), **heads),
)


@given(messages)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert parse(encode(message)) == message


def test_an_unknown_message_is_kept() -> None:
    text = '{"event":"applause","sequenceNumber":"3","loud":{"very":true}}'
    message = parse(text)
    assert message == Unknown("applause", {"sequenceNumber": "3", "loud": {"very": True}})
    assert json.loads(encode(message)) == json.loads(text)


def with_media(**changes: object) -> str:
    return json.dumps({**MEDIA, "media": {**MEDIA["media"], **changes}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"event":"media"', "not JSON"),
        ("[" * 60_000, "not JSON"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ("{}", '"event"'),
        ('{"event":5}', '"event"'),
        ('{"event":"media"}', "malformed media"),
        ('{"event":"start","start":{}}', "malformed start"),
        (with_media(payload="%%%"), "malformed media"),
        (with_media(payload=7), "malformed media"),
        (with_media(chunk="two"), "malformed media"),
        (with_media(timestamp=None), "malformed media"),
        (with_media(track=["inbound"]), "malformed media"),
        ('{"event":"\ud800"}', "not JSON"),
    ],
)
def test_what_is_malformed_is_said(text: str, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        parse(text)


def test_a_message_that_is_too_long_is_not_read() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(" " * (MAX_TEXT + 1))
    assert caught.value.code == "too_big"


@given(st.text(max_size=300) | st.builds(json.dumps, st.dictionaries(st.text(), st.text())))
def test_any_text_is_a_message_or_an_error(text: str) -> None:
    with contextlib.suppress(ProtocolError):
        parse(text)
