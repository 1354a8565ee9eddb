"""What the bare relays have in common: which fields they read, and what they tell."""

from __future__ import annotations

from typing import Final

import msgspec

QUERY: Final = (
    "model=nova-3&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true"
    "&smart_format=true&punctuate=true&utterance_end_ms=1000&vad_events=true"
)
HEADERS: Final = {"Authorization": "Token key"}
READY: Final = b'{"event":"ready"}'
"""Sent on a leg's socket once its upstream is open: what it says from now on is heard."""


class _Media(msgspec.Struct):
    payload: str


class Frame(msgspec.Struct):
    """A telephone's message."""

    event: str
    media: _Media | None = None


class _Alternative(msgspec.Struct):
    transcript: str


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative]


class _Result(msgspec.Struct):
    type: str
    is_final: bool = False
    channel: _Channel | list[int] | None = None


_FRAME: Final = msgspec.json.Decoder(Frame)
_RESULT: Final = msgspec.json.Decoder(_Result)


def heard(message: str | bytes | memoryview) -> Frame:
    """A telephone's message."""
    return _FRAME.decode(message)


def told(message: str | bytes | memoryview) -> bytes | None:
    """A recogniser's message as it goes back on the leg; None for what is no result."""
    result = _RESULT.decode(message)
    if result.type != "Results" or not isinstance(result.channel, _Channel):
        return None
    text = result.channel.alternatives[0].transcript
    return msgspec.json.encode({"event": "transcript", "final": result.is_final, "text": text})
