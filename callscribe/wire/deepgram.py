"""Deepgram's ``/v1/listen`` socket protocol: its text frames, in both directions.

The shapes are those of Deepgram's AsyncAPI description and of messages seen on the wire. Fields
that only newer servers know are kept, types that nobody knows yet are ``Unknown``: what was parsed
is encoded again with everything it held. Absent and null are different things here, as they are to
the official clients; ``UNSET`` is absent.

Times are seconds from the first sample that the connection received; they are 32-bit floats in
decimal ("0.39999998"), so compare them with a tolerance. May import ``errors`` only.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from callscribe.errors import ProtocolError

MAX_TEXT = 1 << 20
"""The longest text frame that is read, characters."""

ChannelIndex = list[int]
"""The channel, and how many there are: [0, 1]."""


class Word(Struct, kw_only=True, gc=False):
    """One word of an alternative; ``punctuated_word`` is how it should be shown."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: str | UnsetType = UNSET
    speaker: int | UnsetType | None = UNSET
    language: str | UnsetType = UNSET

    @property
    def shown(self) -> str:
        """The word with its punctuation and case where the server gave them."""
        return self.punctuated_word if isinstance(self.punctuated_word, str) else self.word


class Alternative(Struct, kw_only=True, gc=False):
    """What was heard; there is one of them unless more were asked for."""

    transcript: str
    confidence: float = 0.0
    words: list[Word] = []
    languages: list[str] | UnsetType = UNSET


class Channel(Struct, kw_only=True, gc=False):
    """What was heard on one channel."""

    alternatives: list[Alternative] = []
    search: list[dict[str, Any]] | UnsetType = UNSET


class ModelInfo(Struct, kw_only=True, gc=False):
    """The model behind a result."""

    name: str = ""
    version: str = ""
    arch: str = ""


def model_uuid(model: str) -> str:
    """An id for a model of which only the name is known: the same one for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"callscribe:{model}"))


class ResultsMetadata(Struct, kw_only=True, gc=False):
    """Which request and model a ``Results`` belongs to."""

    request_id: str = ""
    model_info: ModelInfo | UnsetType = UNSET
    model_uuid: str | UnsetType = UNSET


class Message(Struct, kw_only=True, dict=True, tag_field="type"):
    """A text frame. ``encode`` gives the frame again, with all that came in with it."""

    def encode(self) -> str:
        """The text frame; what it was parsed from is merged with what it holds now."""
        raw = self.__dict__.get("_raw")
        if raw is None:
            return msgspec.json.encode(self).decode()
        merged = merge(msgspec.json.decode(raw), msgspec.to_builtins(self))
        return msgspec.json.encode(merged).decode()


class Results(Message, tag="Results", kw_only=True):
    """One stretch of audio of one channel, interim or final.

    ``speech_final`` is absent where the server was told not to look for endpoints.
    """

    channel_index: ChannelIndex = msgspec.field(default_factory=lambda: [0, 1])
    duration: float
    start: float
    is_final: bool | UnsetType = UNSET
    speech_final: bool | UnsetType = UNSET
    from_finalize: bool | UnsetType = UNSET
    channel: Channel
    metadata: ResultsMetadata | UnsetType = UNSET

    @property
    def alternative(self) -> Alternative:
        """The best of the alternatives, an empty one where there is none."""
        return self.channel.alternatives[0] if self.channel.alternatives else _NOTHING


class Metadata(Message, tag="Metadata", kw_only=True):
    """The last message before the server closes: what was received in all."""

    transaction_key: str | UnsetType = UNSET
    request_id: str
    sha256: str
    created: str
    duration: float
    channels: int
    models: list[str] | UnsetType = UNSET
    model_info: dict[str, ModelInfo] | UnsetType = UNSET


class SpeechStarted(Message, tag="SpeechStarted", kw_only=True):
    """Somebody began to speak at ``timestamp``; sent when ``vad_events`` is on."""

    channel: ChannelIndex
    timestamp: float


class UtteranceEnd(Message, tag="UtteranceEnd", kw_only=True):
    """No word came for ``utterance_end_ms`` after ``last_word_end``; -1: it was final already."""

    channel: ChannelIndex
    last_word_end: float


class Error(Message, tag="Error", kw_only=True):
    """A text frame of the client could not be read; the stream goes on."""

    variant: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    message: str | UnsetType | None = UNSET
    code: str | UnsetType | None = UNSET


class ConfigureSuccess(Message, tag="ConfigureSuccess", kw_only=True):
    """The options of a ``Configure`` are in force."""

    request_id: str
    keyterms: list[str] | UnsetType = UNSET


class ConfigureFailure(Message, tag="ConfigureFailure", kw_only=True):
    """The options of a ``Configure`` are not taken; ``code`` says why."""

    request_id: str
    code: str
    description: str


class KeepAlive(Message, tag="KeepAlive", kw_only=True):
    """No audio comes for now; keep the connection."""


class Finalize(Message, tag="Finalize", kw_only=True):
    """Write down at once what has been heard; ``channel`` absent means all of them."""

    channel: int | UnsetType = UNSET


class CloseStream(Message, tag="CloseStream", kw_only=True):
    """No more audio comes: the last results, ``Metadata`` and a close with 1000 follow."""


class Features(Struct, kw_only=True, gc=False):
    """What a ``Configure`` switches."""

    numerals: bool | UnsetType = UNSET


class Configure(Message, tag="Configure", kw_only=True):
    """Changes options while the stream runs. ``keyterms`` replaces the list, [] clears it."""

    keyterms: list[str] | UnsetType | None = UNSET
    features: Features | UnsetType | None = UNSET


class Unknown:
    """A text frame of a type that is not known here; kept as it came."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self._text = text

    def encode(self) -> str:
        """The text frame as it came."""
        return self._text


ServerMessage = (
    Results
    | Metadata
    | SpeechStarted
    | UtteranceEnd
    | Error
    | ConfigureSuccess
    | ConfigureFailure
    | Unknown
)
ClientMessage = KeepAlive | Finalize | CloseStream | Configure | Unknown

_FROM_SERVER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    Results | Metadata | SpeechStarted | UtteranceEnd | Error | ConfigureSuccess | ConfigureFailure
)
_FROM_CLIENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    KeepAlive | Finalize | CloseStream | Configure
)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeEncodeError)
_NOTHING = Alternative(transcript="")
_KNOWN: dict[Literal["client", "server"], frozenset[str]] = {
    "server": frozenset(
        {
            "Results",
            "Metadata",
            "SpeechStarted",
            "UtteranceEnd",
            "Error",
            "ConfigureSuccess",
            "ConfigureFailure",
        }
    ),
    "client": frozenset({"KeepAlive", "Finalize", "CloseStream", "Configure"}),
}


def parse_server(text: str) -> ServerMessage:
    """What a server sent; ``ProtocolError`` when it is no message."""
    # Ten times a second on every leg.
    if len(text) > MAX_TEXT:
        raise _too_big()
    try:
        message: ServerMessage = _FROM_SERVER.decode(text)
    except _UNREADABLE as error:
        return _unknown(text, error, "server")
    message.__dict__["_raw"] = text
    return message


def parse_client(text: str) -> ClientMessage:
    """What a client sent; ``ProtocolError`` when it is no message."""
    if len(text) > MAX_TEXT:
        raise _too_big()
    try:
        message: ClientMessage = _FROM_CLIENT.decode(text)
    except _UNREADABLE as error:
        return _unknown(text, error, "client")
    message.__dict__["_raw"] = text
    return message


def _too_big() -> ProtocolError:
    return ProtocolError(f"a text frame may hold {MAX_TEXT} characters", code="too_big")


def _unknown(text: str, error: Exception, side: Literal["client", "server"]) -> Unknown:
    """What could not be decoded, as long as it is a message.

    ``ProtocolError`` if it is none, and for a type that should have been read.
    """
    kind = _kind(text, error)
    if kind in _KNOWN[side]:
        raise ProtocolError(f"this {kind} message is not well formed: {error}") from None
    return Unknown(kind, text)


def _kind(text: str, error: Exception) -> str:
    """The type of a message that could not be decoded; ``ProtocolError`` where it has none."""
    try:
        loose = msgspec.json.decode(text)
    except _UNREADABLE:
        raise ProtocolError(f"this text frame is not JSON: {error}") from None
    kind = loose.get("type") if isinstance(loose, dict) else None
    if not isinstance(kind, str):
        raise ProtocolError('a message is a JSON object with a "type"')
    return kind


def merge(old: object, new: object) -> object:
    """``new``, with the fields that only ``old`` has. A list is as long as the new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for key, value in new.items():
            merged[key] = merge(old[key], value) if key in old else value
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return [
            merge(old[index], value) if index < len(old) else value
            for index, value in enumerate(new)
        ]
    return new
