"""A transcript as a file for people and programs: text, JSON, SRT, WebVTT, Deepgram's JSON.

May import ``transcript``, ``wire`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callscribe.errors import ConfigurationError
from callscribe.export.deepgram import to_deepgram
from callscribe.export.json import to_json
from callscribe.export.srt import to_srt
from callscribe.export.text import to_text
from callscribe.export.vtt import to_vtt
from callscribe.transcript import Transcript

__all__ = ["FORMATS", "Format", "export", "to_deepgram", "to_json", "to_srt", "to_text", "to_vtt"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a transcript is written: the function, the file's suffix and its media type."""

    render: Callable[[Transcript], str]
    suffix: str
    media_type: str


FORMATS: Mapping[str, Format] = {
    "text": Format(to_text, ".txt", "text/plain"),
    "json": Format(to_json, ".json", "application/json"),
    "srt": Format(to_srt, ".srt", "application/x-subrip"),
    "vtt": Format(to_vtt, ".vtt", "text/vtt"),
    "deepgram": Format(to_deepgram, ".deepgram.json", "application/json"),
}
"""The formats by name."""


def export(transcript: Transcript, format: str) -> str:  # noqa: A002 - what it is called everywhere
    """The transcript in a format of ``FORMATS``; ``ConfigurationError`` names those there are."""
    if format not in FORMATS:
        raise ConfigurationError(
            f"unknown format {format!r}; right values are {', '.join(FORMATS)}", code="bad_format"
        )
    return FORMATS[format].render(transcript)
