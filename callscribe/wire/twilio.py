"""Twilio Media Streams: the JSON text frames that a telephone call comes in, both directions.

Twilio opens the socket, says ``connected`` and ``start``, then sends ``media`` (20 ms of mu-law
each) until ``stop``. Its numbers come as strings and are sent as strings again. A type that nobody
knows yet is ``Unknown``. May import ``errors`` only.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from callscribe.errors import ProtocolError

MAX_TEXT: Final = 65_536
"""The longest text frame that is read, characters; Twilio's own have about 400."""

RATE: Final = 8000
"""Samples, and bytes, of a second of a telephone's mu-law."""


class _Message(Struct, kw_only=True, tag_field="event", rename="camel", frozen=True, gc=False):
    """The head of every message but the first: a counter, and the stream it belongs to."""

    sequence_number: int = 0
    stream_sid: str = ""


class Connected(Struct, kw_only=True, tag_field="event", tag="connected", frozen=True, gc=False):
    """The socket is open; ``start`` follows."""

    protocol: str = "Call"
    version: str = "1.0.0"


class MediaFormat(Struct, kw_only=True, rename="camel", frozen=True, gc=False):
    """How the audio of a stream is made."""

    encoding: str = "audio/x-mulaw"
    sample_rate: int = RATE
    channels: int = 1


class StartBody(Struct, kw_only=True, rename="camel", frozen=True, gc=False):
    """Whose call it is, and what of it comes here."""

    call_sid: str
    account_sid: str = ""
    stream_sid: str = ""
    tracks: list[str] = field(default_factory=list)
    media_format: MediaFormat = field(default_factory=MediaFormat)
    custom_parameters: dict[str, str] = field(default_factory=dict)


class Start(_Message, tag="start", frozen=True, gc=False):
    """A stream begins."""

    start: StartBody


class MediaBody(Struct, kw_only=True, frozen=True, gc=False):
    """A piece of a track: its number from 1, its first sample in ms since the stream's start."""

    track: str
    chunk: int
    timestamp: int
    payload: bytes


class Media(_Message, tag="media", frozen=True, gc=False):
    """Audio. The base64 of the payload is decoded and encoded here."""

    media: MediaBody


class DtmfBody(Struct, kw_only=True, frozen=True, gc=False):
    """A key of the telephone."""

    digit: str
    track: str = ""


class Dtmf(_Message, tag="dtmf", frozen=True, gc=False):
    """Somebody pressed a key."""

    dtmf: DtmfBody


class MarkBody(Struct, kw_only=True, frozen=True, gc=False):
    """The name that was given to a place in what was played."""

    name: str


class Mark(_Message, tag="mark", frozen=True, gc=False):
    """What was sent to be played has been played up to here."""

    mark: MarkBody


class StopBody(Struct, kw_only=True, rename="camel", frozen=True, gc=False):
    """The call whose stream is over."""

    call_sid: str = ""
    account_sid: str = ""


class Stop(_Message, tag="stop", frozen=True, gc=False):
    """The stream is over: it was stopped, or the call has ended."""

    stop: StopBody = field(default_factory=StopBody)


class Unknown(Struct, frozen=True, gc=False):
    """A message of a type this version does not know, as it came."""

    name: str
    body: dict[str, Any]


Known = Connected | Start | Media | Dtmf | Mark | Stop
Message = Known | Unknown

KINDS: Final = ("connected", "start", "media", "dtmf", "mark", "stop")

# Not strict: numbers come as strings.
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Known, strict=False)


def parse(text: str | bytes) -> Message:
    """Reads a text frame; ``ProtocolError`` says what is wrong with a malformed one."""
    if isinstance(text, bytes):
        raise ProtocolError("a frame must be text, this is binary")
    if len(text) > MAX_TEXT:
        raise ProtocolError(
            f"a text frame may hold {MAX_TEXT} characters, this has {len(text)}", code="too_big"
        )
    try:
        message: Message = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        return _unknown(text, error)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolError("a text frame must be a JSON object, this is not JSON") from error
    return message


def encode(message: Message) -> str:
    """A message as one JSON text frame, in the form in which Twilio writes it."""
    if isinstance(message, Unknown):
        return msgspec.json.encode({**message.body, "event": message.name}).decode()
    data = msgspec.to_builtins(message)
    if not isinstance(message, Connected):
        data["sequenceNumber"] = str(data["sequenceNumber"])
    if isinstance(message, Media):
        body = data["media"]
        body["chunk"], body["timestamp"] = str(body["chunk"]), str(body["timestamp"])
    return msgspec.json.encode(data).decode()


def _unknown(text: str, why: msgspec.ValidationError) -> Unknown:
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError("a text frame must be a JSON object, this is not JSON") from error
    name = body.pop("event", None) if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise ProtocolError('every message is a JSON object with an "event", such as "media"')
    if name in KINDS:
        raise ProtocolError(f"malformed {name} message: {why}")
    return Unknown(name, body)
