"""Pieces by REST, against our own server with the real recogniser, and servers with faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from callscribe.engines import create_engine
from callscribe.engines.base import EngineEvent, Lost
from callscribe.engines.deepgram import batch
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.errors import AudioError, EngineError
from callscribe.settings import Settings
from callscribe.transcript import Result
from tests import speech
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        yield served


class Faulty(ThreadingHTTPServer):
    """Answers with the statuses it was given, then passes on what a good server said."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.statuses = statuses
        self.bodies: list[bytes] = []

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Faulty)
        chunks = b""
        if "content-length" in self.headers:
            chunks = self.rfile.read(int(self.headers["content-length"]))
        else:
            while size := int(self.rfile.readline(), 16):
                chunks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.bodies.append(chunks)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        body = GOOD if status == 200 else b'{"err_code": "X", "err_msg": "in words"}'
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("dg-request-id", "r-1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


GOOD = (
    b'{"metadata": {"request_id": "r", "sha256": "", "created": "2026-01-01T00:00:00Z",'
    b' "duration": 3, "channels": 1, "models": [], "model_info": {}}, "results": {"channels": '
    b'[{"alternatives": [{"transcript": "oui", "confidence": 0.9, "words": '
    b'[{"word": "oui", "start": 0.5, "end": 0.9, "confidence": 0.9}]}]}]}}'
)


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    server = Faulty([])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def spoken(
    address: str, seconds: float, events: list[EngineEvent], **more: Any
) -> DeepgramBatchService:
    """Sends the French agent to a service and closes the leg."""
    service = DeepgramBatchService("key", base_url=address)
    rate, samples = speech.leg("fr", "agent")
    connection = await service.transcribe_streaming("s", "fr", rate, events.append, **more)
    pcm = samples[: int(seconds * rate)].astype("<i2").tobytes()
    for at in range(0, len(pcm), rate // 5):
        if connection.is_connected:
            await connection.send_audio(pcm[at : at + rate // 5])
        await asyncio.sleep(0.002)
    await connection.close()
    assert not connection.is_connected
    with pytest.raises(EngineError):
        await connection.send_audio(b"xx")
    return service


async def test_real_speech(listening: Served) -> None:
    events: list[EngineEvent] = []
    service = await spoken(listening.ws, 24, events)
    await service.close()
    finals = [e for e in events if isinstance(e, Result)]
    assert len(finals) >= 3
    assert all(f.is_final and f.speech_final and f.latency_ms for f in finals)
    ends = [f.end for f in finals]
    assert ends == sorted(ends)
    expected = [u for u in speech.script("fr") if u.speaker == "agent" and u.end < 23]
    text = " ".join(f.text for f in finals)
    assert speech.recall(" ".join(u.text for u in expected), text) > 0.75
    assert finals[0].start == pytest.approx(expected[0].start, abs=0.5)
    last = [f for f in finals if f.text][-1]
    assert last.words[-1].end <= 24


async def test_a_request_that_fails_is_sent_again_in_order(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "FIRST_PAUSE", 0.02)
    faulty.statuses = [503, 429, 500]
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events)
    await service.close()
    assert not [e for e in events if isinstance(e, Lost)]
    assert len(set(faulty.bodies)) == len([e for e in events if isinstance(e, Result)])
    assert faulty.bodies[0] == faulty.bodies[1] == faulty.bodies[3] != faulty.bodies[4]
    starts = [e.words[0].start for e in events if isinstance(e, Result)]
    assert starts == sorted(starts)
    assert starts[0] == pytest.approx(0.5, abs=0.1)


async def test_a_refusal_is_final(faulty: Faulty) -> None:
    faulty.statuses = [402] * 9
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events)
    await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert lost.error.code == "deepgram_no_credit"
    assert "in words" in lost.error.message
    assert len(faulty.bodies) == 1


async def test_patience_ends(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(batch, "PATIENCE", 0.1)
    faulty.statuses = [503] * 99
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events)
    await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert lost.error.code == "deepgram_unavailable"


async def test_finalize_and_bad_audio(faulty: Faulty) -> None:
    events: list[EngineEvent] = []
    service = DeepgramBatchService("key", base_url=faulty.address)
    rate, samples = speech.leg("fr", "agent")
    connection = await service.transcribe_streaming("s", "fr", rate, events.append)
    with pytest.raises(AudioError):
        await connection.send_audio(b"x")
    await connection.send_audio(samples[: 2 * rate].astype("<i2").tobytes())
    await connection.finalize()
    async with asyncio.timeout(10):
        while not events:
            await asyncio.sleep(0.01)
    await service.close()
    assert not connection.is_connected
    with pytest.raises(EngineError):
        await service.transcribe_streaming("s", "fr", rate, events.append)
