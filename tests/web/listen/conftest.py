"""A server with the real recogniser, and recordings of real speech to send to it."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import SecretStr

from callscribe.engines import create_engine
from callscribe.settings import Settings
from tests import speech
from tests.serving import Served, serving

KEY = "key-of-the-house"

SPEAKERS = ("agent", "technician")


@pytest.fixture(scope="package")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the real recogniser, and with a key."""
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings(data_dir=tmp_path_factory.mktemp("data"), api_keys=(SecretStr(KEY),))
    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        yield served


def wav(rate: int, channels: NDArray[np.int16]) -> bytes:
    """Samples (channels, n) as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(channels.T.astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture(scope="package")
def recording() -> bytes:
    """The first twelve seconds of both speakers, one on each channel, as WAV."""
    tracks = []
    for speaker in SPEAKERS:
        rate, samples = speech.leg("fr", speaker)
        tracks.append(np.repeat(samples, 16_000 // rate)[: 12 * 16_000])
    return wav(16_000, np.stack(tracks))


@pytest.fixture(scope="package")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's first nine seconds, in a file at 16 kHz."""
    rate, samples = speech.leg("fr", "agent")
    assert rate == 16_000
    path = tmp_path_factory.mktemp("told") / "agent.wav"
    path.write_bytes(wav(rate, samples[None, : 9 * rate]))
    return path


def spoken(speaker: str, before: float = 11.0) -> str:
    """What a speaker of the demo call says before a time, seconds."""
    lines = (u for u in speech.script("fr") if u.speaker == speaker and u.end < before)
    return " ".join(u.text for u in lines)
