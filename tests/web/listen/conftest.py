"""A server with the real recogniser, and recordings of real speech to send to it."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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


@dataclass(frozen=True)
class Shelf:
    """A host that gives files, and where they lie."""

    folder: Path
    host: str


class _Clerk(SimpleHTTPRequestHandler):
    """Gives files; ``/away?TO`` redirects."""

    def do_GET(self) -> None:
        if self.path.startswith("/away?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2])
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="package")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A host of recordings."""
    folder = tmp_path_factory.mktemp("shelf")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Clerk, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Shelf(folder, f"127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="package")
def listening(tmp_path_factory: pytest.TempPathFactory, shelf: Shelf) -> Iterator[Served]:
    """A server with the real recogniser, and with a key; it may fetch from the shelf."""
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        api_keys=(SecretStr(KEY),),
        listen_hosts=(shelf.host,),
    )
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
