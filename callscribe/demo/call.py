"""The demo calls that come along: two legs of speech and what is said in them.

May import ``errors``, ``media`` and ``transcript``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from callscribe.errors import ConfigurationError
from callscribe.media import Int16Array, open_media
from callscribe.transcript import join_text

CALLS = Path(__file__).parent / "calls"
"""A folder for each language."""


@dataclass(frozen=True, slots=True)
class DemoLeg:
    """One speaker: 16-bit samples at ``rate`` Hz, and the words that are spoken in them."""

    speaker: str
    rate: int
    samples: Int16Array
    text: str


@dataclass(frozen=True, slots=True)
class DemoCall:
    """A call of ``seconds`` between the speakers of ``legs``."""

    language: str
    title: str
    seconds: float
    legs: Mapping[str, DemoLeg]


def languages() -> list[str]:
    """The languages that there is a demo call in."""
    return sorted(path.parent.name for path in CALLS.glob("*/script.json"))


def load_call(language: str) -> DemoCall:
    """Reads a call and its sound; ``ConfigurationError`` for a language without one."""
    if language not in languages():
        raise ConfigurationError(
            f"there is no demo call in {language!r}; there are {', '.join(languages())}"
        )
    folder = CALLS / language
    script = json.loads((folder / "script.json").read_text(encoding="utf-8"))
    legs = {}
    for speaker, form in script["speakers"].items():
        blocks = open_media(folder / f"{speaker}.flac").blocks(rate=form["rate"])
        said = (item["text"] for item in script["utterances"] if item["speaker"] == speaker)
        samples = np.concatenate([block[0] for block in blocks])
        legs[speaker] = DemoLeg(speaker, form["rate"], samples, join_text(said))
    return DemoCall(language, script["title"], float(script["seconds"]), legs)
