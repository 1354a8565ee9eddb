"""A dead connection is replaced, and no word is lost nor doubled: the resilient engine on top."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection

from callscribe.chaos import ChaosProxy
from callscribe.engines.base import EngineEvent, Lost, StreamOptions, Unheard
from callscribe.engines.deepgram import DeepgramTranscriptionService, transport, watch
from callscribe.engines.deepgram import connection as module
from callscribe.engines.ears import Ears
from callscribe.engines.resilient import Patience, ResilientEngine, Rung
from callscribe.transcript import Result
from callscribe.vad import CHUNK
from tests.engines.deepgram.test_connection import until
from tests.engines.deepgram.upstream import answer, upstream
from tests.engines_for_tests import tones
from tests.serving import Served

pytestmark = pytest.mark.anyio

RATE = 16_000
PITCHES = tuple(range(400, 2000, 100))
AUDIO = tones(*PITCHES, gap=0.4)
WORDS = " ".join(f"f{pitch}" for pitch in PITCHES)


class LoudIsSpeech:
    """The voice activity model for tones, which are no speech to the real one."""

    def stream(self) -> LoudIsSpeech:
        return self

    def __call__(self, samples: NDArray[np.float32]) -> float:
        return float(self.judge(samples)[0])

    def judge(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        loudest = np.abs(samples.reshape(-1, CHUNK)).max(axis=1)
        return (loudest > 0.03).astype(np.float32)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "DEAF", 0.5)
    monkeypatch.setattr(watch, "DEAF_AUDIO", 0.5)
    monkeypatch.setattr(module, "CHECK", 0.05)
    monkeypatch.setattr(transport, "PING_EVERY", 0.3)
    monkeypatch.setattr(transport, "PING_DEADLINE", 0.3)


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    made = Ears(LoudIsSpeech())  # type: ignore[arg-type]
    yield made
    await asyncio.to_thread(made.close)


def engine(address: str, ears: Ears) -> ResilientEngine:
    service = DeepgramTranscriptionService("key", base_url=address)
    service._ears = ears
    return ResilientEngine([Rung(service, "deepgram", provider="deepgram")], Patience())


@pytest.mark.parametrize(
    "faults",
    [
        ["stall:down@1/1"],
        ["stall:up@1/1"],
        ["half-open@1/1"],
        ["drop@0.7/1-3"],
        ["stall:down@0.3/1-2"],
    ],
    ids=" ".join,
)
async def test_no_word_is_lost_nor_doubled(
    served: Served, ears: Ears, faults: Sequence[str]
) -> None:
    heard: list[EngineEvent] = []
    async with ChaosProxy(served.ws, faults) as proxy:
        leg = await engine(proxy.ws, ears).transcribe_streaming("s", "fr", RATE, heard.append)
        for at in range(0, len(AUDIO), 640):
            await leg.send_audio(AUDIO[at : at + 640])
            await asyncio.sleep(0.008)
        assert [one for one in proxy.happenings if one.fault]
        assert proxy.connections > 1  # while audio flowed, not only when the end was not answered
        async with asyncio.timeout(20):
            await leg.close()
    finals = [e for e in heard if isinstance(e, Result) and e.is_final]
    assert " ".join(final.text for final in finals if final.text) == WORDS
    for pitch, word in zip(range(len(PITCHES)), [w for f in finals for w in f.words], strict=True):
        assert word.start == pytest.approx(0.1 + pitch * 0.7, abs=0.03)
    assert not [event for event in heard if isinstance(event, Lost | Unheard)]


async def test_options_are_sent_again_in_full(ears: Ears) -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    async def record(connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        headers = {k.lower(): v for k, v in request.headers.raw_items()}
        headers.pop("sec-websocket-key")  # a new one each time, as RFC 6455 wants it
        asked.append((request.path, headers))
        if len(asked) == 1:
            await connection.recv()
            connection.transport.abort()
        await answer(connection)

    options = StreamOptions(
        keyterms=("Callscribe", "onduleur"),
        endpointing_ms=300,
        query=(("numerals", "true"), ("tag", "a"), ("tag", "b")),
    )
    async with upstream(record) as address:
        leg = await engine(address, ears).transcribe_streaming(
            "s", "fr", RATE, lambda _: None, options=options
        )
        await leg.send_audio(bytes(640))
        await until(lambda: len(asked) == 2)
        await leg.close()
    first, second = asked
    assert first == second
    path, headers = first
    assert headers["authorization"] == "Token key"
    for part in ("keyterm=Callscribe&keyterm=onduleur", "tag=a&tag=b", "numerals=true"):
        assert part in path
