"""What is known of a call or a recording besides its words. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Model:
    """What listened: an engine, and its model where that is known."""

    engine: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a transcript comes from; what is not known is left as it is here."""

    created: datetime | None = None
    """When the call began."""
    duration: float = 0.0
    """Seconds from its beginning to the end of its audio."""
    speakers: tuple[str, ...] = ()
    """All who had a leg or a channel, in that order; those who said nothing too."""
    models: tuple[Model, ...] = ()
    sha256: str = ""
    """Of the audio, hexadecimal."""
