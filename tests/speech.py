"""Real speech for tests: the demo calls, and the larger corpus where there is one."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
CALLS = ROOT / "callscribe" / "demo" / "calls"
MODELS = ROOT / "data" / "models"


@dataclass(frozen=True)
class Spoken:
    """One utterance of a demo call."""

    speaker: str
    start: float
    end: float
    text: str


@cache
def script(language: str) -> tuple[Spoken, ...]:
    """What is said in a demo call."""
    data: dict[str, Any] = json.loads((CALLS / language / "script.json").read_text())
    return tuple(Spoken(u["speaker"], u["start"], u["end"], u["text"]) for u in data["utterances"])


@cache
def samples(path: Path) -> tuple[int, NDArray[np.int16]]:
    """A mono file's rate and samples."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [np.asarray(f.to_ndarray()).reshape(-1) for f in container.decode(stream)]
        rate = int(stream.rate or 0)
    joined = np.concatenate(frames)
    if joined.dtype != np.int16:
        joined = (joined / np.iinfo(joined.dtype).max * 32767).astype(np.int16)
    return rate, joined


def leg(language: str, speaker: str) -> tuple[int, NDArray[np.int16]]:
    """A leg of a demo call."""
    return samples(CALLS / language / f"{speaker}.flac")


def words(text: str) -> list[str]:
    """Lower-case words without accents and punctuation."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    bare = "".join(c for c in folded if not unicodedata.combining(c))
    return re.findall(r"\w+", bare)


def recall(expected: str, heard: str) -> float:
    """The share of the expected words that were heard, in whatever order and however often."""
    said, found = words(expected), set(words(heard))
    return sum(word in found for word in said) / len(said)


def corpus(*parts: str) -> Path:
    """A place in the larger corpus; skips the test where there is none."""
    root = os.environ.get("CALLSCRIBE_CORPUS")
    if not root:
        pytest.skip("CALLSCRIBE_CORPUS is not set: the demo call alone was tested")
    return Path(root).joinpath(*parts)
