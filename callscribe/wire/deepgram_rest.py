"""The answer of ``POST /v1/listen``: what a recording held. Shapes as in Deepgram's OpenAPI file.

Unknown fields are kept, as in ``wire/deepgram.py``. May import ``errors`` and ``wire``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from callscribe.errors import ProtocolError
from callscribe.wire.deepgram import ModelInfo, Word, merge


class Sentence(Struct, kw_only=True):
    """A sentence of a paragraph; seconds."""

    text: str
    start: float
    end: float


class Paragraph(Struct, kw_only=True):
    """Sentences that belong together."""

    sentences: list[Sentence]
    num_words: int | UnsetType = UNSET
    start: float
    end: float
    speaker: int | UnsetType = UNSET


class Paragraphs(Struct, kw_only=True):
    """An alternative's text in paragraphs."""

    transcript: str
    paragraphs: list[Paragraph]


class Alternative(Struct, kw_only=True):
    """What was heard on a channel."""

    transcript: str
    confidence: float = 0.0
    words: list[Word] = []
    paragraphs: Paragraphs | UnsetType = UNSET


class Channel(Struct, kw_only=True):
    """One channel of the recording."""

    alternatives: list[Alternative]
    detected_language: str | UnsetType = UNSET
    language_confidence: float | UnsetType = UNSET


class Utterance(Struct, kw_only=True):
    """What was said between two pauses."""

    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: list[Word]
    speaker: int | UnsetType = UNSET
    id: str


class Gap(Struct, kw_only=True):
    """What nobody heard of a channel; ours, Deepgram has nothing like it."""

    channel: int
    start: float
    end: float
    reason: str


class RecordingMetadata(Struct, kw_only=True):
    """What was received, and what listened to it."""

    transaction_key: str | UnsetType = UNSET
    request_id: str
    sha256: str = ""
    created: str = ""
    duration: float
    channels: int
    models: list[str] = []
    model_info: dict[str, ModelInfo] = {}
    tags: list[str] | UnsetType = UNSET
    extra: dict[str, str] | UnsetType = UNSET
    gaps: list[Gap] | UnsetType = UNSET
    """In exports alone."""


class Results(Struct, kw_only=True):
    """What was heard."""

    channels: list[Channel]
    utterances: list[Utterance] | UnsetType = UNSET


class Recording(Struct, kw_only=True, dict=True):
    """The whole answer."""

    metadata: RecordingMetadata
    results: Results

    def encode(self) -> bytes:
        """The body of the answer."""
        raw = self.__dict__.get("_raw")
        if raw is None:
            return msgspec.json.encode(self)
        return msgspec.json.encode(merge(msgspec.json.decode(raw), msgspec.to_builtins(self)))


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Recording)


def parse_recording(body: bytes) -> Recording:
    """Reads an answer; ``ProtocolError`` when it is none."""
    try:
        found: Recording = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"this is no transcription of a recording: {error}") from None
    found.__dict__["_raw"] = body
    return found


def bare(word: str) -> str:
    """A word as Deepgram writes it without formatting: lower case, no punctuation around it."""
    return word.strip("\"'.,;:!?…«»“”()[]¿¡–— ").lower() or word
