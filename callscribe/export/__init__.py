"""A transcript as a file for people and programs: text, JSON, SRT, WebVTT, Deepgram's JSON.

May import ``transcript``, ``wire`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callscribe.errors import ConfigurationError
from callscribe.export.deepgram import NOTHING_KNOWN, to_deepgram
from callscribe.export.json import to_json
from callscribe.export.source import Model, Source
from callscribe.export.srt import to_srt
from callscribe.export.text import to_text
from callscribe.export.vtt import to_vtt
from callscribe.transcript import Transcript

__all__ = [
    "FORMATS",
    "Format",
    "Model",
    "Source",
    "export",
    "to_deepgram",
    "to_json",
    "to_srt",
    "to_text",
    "to_vtt",
]


@dataclass(frozen=True, slots=True)
class Format:
    """How a transcript is written: the function, the file's suffix and its media type."""

    render: Callable[[Transcript, Source], str]
    suffix: str
    media_type: str


def _words_alone(render: Callable[[Transcript], str]) -> Callable[[Transcript, Source], str]:
    return lambda transcript, _: render(transcript)


FORMATS: Mapping[str, Format] = {
    "text": Format(_words_alone(to_text), ".txt", "text/plain"),
    "json": Format(_words_alone(to_json), ".json", "application/json"),
    "srt": Format(_words_alone(to_srt), ".srt", "application/x-subrip"),
    "vtt": Format(_words_alone(to_vtt), ".vtt", "text/vtt"),
    "deepgram": Format(to_deepgram, ".deepgram.json", "application/json"),
}
"""The formats by name."""


def export(
    transcript: Transcript,
    format: str,  # noqa: A002 - what it is called everywhere
    source: Source = NOTHING_KNOWN,
) -> str:
    """The transcript in a format of ``FORMATS``; ``ConfigurationError`` names those there are.

    ``source`` is written down by the formats that have a place for it.
    """
    if format not in FORMATS:
        raise ConfigurationError(
            f"unknown format {format!r}; right values are {', '.join(FORMATS)}", code="bad_format"
        )
    return FORMATS[format].render(transcript, source)
