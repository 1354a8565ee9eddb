"""Pieces by REST, against our own server with the real recogniser, and servers with faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import numpy as np
import pytest
from deepgram import AsyncDeepgramClient
from httpx import AsyncClient

from callscribe.audio import RATE, to_float
from callscribe.engines import create_engine
from callscribe.engines.base import EngineEvent, Lost, StreamOptions
from callscribe.engines.deepgram import batch
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.engines.deepgram.service import environment
from callscribe.errors import EngineError, UpstreamError
from callscribe.settings import Settings
from callscribe.transcript import Result
from tests import speech
from tests.engines.deepgram.options import OPTIONS, SDK_ARGUMENTS, query
from tests.engines.deepgram.upstream import Faulty, spoken
from tests.protocol import folder, needs_protocol
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        yield served


async def test_real_speech(listening: Served) -> None:
    events: list[EngineEvent] = []
    service = await spoken(listening.ws, 24, events.append)
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


async def test_a_refusal_is_final(faulty: Faulty) -> None:
    faulty.statuses = [402] * 9
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert lost.error.code == "deepgram_no_credit"
    assert "in words" in lost.error.message
    assert len(faulty.bodies) == 1


async def test_speakers_and_options_of_a_recording(faulty: Faulty) -> None:
    pairs = tuple((name, value) for name, values in OPTIONS.items() for value in values)
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 4, events.append, options=StreamOptions(query=pairs))
    await service.close()
    async with AsyncClient() as http:
        sdk = AsyncDeepgramClient(
            api_key="k", environment=environment(faulty.address), httpx_client=http
        )
        await sdk.listen.v1.media.transcribe_file(request=b"RIFF", **SDK_ARGUMENTS)
    ours, theirs = (query(path) for path in (faulty.paths[0], faulty.paths[-1]))
    for name, values in OPTIONS.items():
        assert ours[name] == theirs[name] == values
    assert not ours.keys() & set(batch.NOT_FOR_RECORDINGS)
    (heard,) = events
    assert isinstance(heard, Result)
    assert heard.words


async def test_each_piece_has_voices_of_its_own(faulty: Faulty) -> None:
    answer = json.loads(faulty.good)
    (said,) = answer["results"]["channels"][0]["alternatives"]
    said["words"] = [
        {"word": "oui", "start": 0.1, "end": 0.3, "confidence": 0.9, "speaker": 0},
        {"word": "non", "start": 0.4, "end": 0.6, "confidence": 0.9, "speaker": 1},
    ]
    faulty.good = json.dumps(answer).encode()
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 13, events.append)
    await service.close()
    heard = [event for event in events if isinstance(event, Result)]
    labels = [[word.speaker_label for word in result.words] for result in heard]
    assert len(labels) > 1
    assert labels == [[str(2 * n), str(2 * n + 1)] for n in range(len(labels))]


@needs_protocol
async def test_the_speakers_of_a_recorded_answer(faulty: Faulty) -> None:
    recorded = folder() / "fixtures/rest_nova2_diarized_utterances_trimmed.json"
    faulty.good = recorded.read_bytes()
    events: list[EngineEvent] = []
    service = await spoken(faulty.address, 4, events.append)
    await service.close()
    (heard,) = events
    assert isinstance(heard, Result)
    words = json.loads(faulty.good)["results"]["channels"][0]["alternatives"][0]["words"]
    assert [word.speaker_label for word in heard.words] == [str(w["speaker"]) for w in words]
    assert [word.text for word in heard.words] == [w["punctuated_word"] for w in words]


async def test_requests_above_the_budget_wait_for_their_turn(faulty: Faulty) -> None:
    service = DeepgramBatchService("key", base_url=faulty.address, requests=1)
    rate, samples = speech.leg("fr", "agent")
    pcm = samples[: 4 * rate].astype("<i2").tobytes()
    heard: list[EngineEvent] = []
    async with service.budget.slot(None):  # all is taken
        legs = [await service.transcribe_streaming("s", "fr", rate, heard.append) for _ in range(2)]
        for leg in legs:
            await leg.send_audio(pcm)
            await leg.finalize()
        async with asyncio.timeout(10):
            while service.budget.use.waiting < 2:
                await asyncio.sleep(0.01)
        assert not faulty.bodies
    for leg in legs:
        await leg.close()
    assert len(faulty.bodies) >= 2
    assert len([e for e in heard if isinstance(e, Result)]) == len(faulty.bodies)
    assert not any(isinstance(e, Lost) for e in heard)
    assert service.budget.use.used == 0
    await service.close()


async def test_a_piece_whose_turn_does_not_come_ends_the_leg(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "TURN", 0.05)
    service = DeepgramBatchService("key", base_url=faulty.address, requests=1)
    heard: list[EngineEvent] = []
    rate, samples = speech.leg("fr", "agent")
    async with service.budget.slot(None):
        leg = await service.transcribe_streaming("s", "fr", rate, heard.append)
        await leg.send_audio(samples[: 4 * rate].astype("<i2").tobytes())
        await leg.close()
    (lost,) = [e for e in heard if isinstance(e, Lost)]
    assert (lost.error.code, lost.error.retryable) == ("deepgram_budget", True)
    assert not faulty.bodies
    await service.close()


async def test_a_clip_is_one_request_with_the_options_of_the_leg(
    listening: Served, faulty: Faulty
) -> None:
    rate, samples = speech.leg("fr", "agent")
    (first, *_) = [u for u in speech.script("fr") if u.speaker == "agent"]
    clip = to_float(samples[int(first.start * rate) : int((first.end + 0.3) * rate)])
    assert rate == RATE
    service = DeepgramBatchService("key", base_url=listening.ws)
    found = await service.transcribe_clip(clip, "fr")
    await service.close()
    assert found.is_final
    assert speech.recall(first.text, found.text) > 0.6
    assert 0.0 <= found.words[0].start < found.words[-1].end <= len(clip) / RATE

    redacting = DeepgramBatchService("key", base_url=faulty.address)
    options = StreamOptions(
        keyterms=("Nunavut",), query=(("redact", "pci"),), encoding="mulaw", pass_through=True
    )
    await redacting.transcribe_clip(clip, "fr", options=options)
    await redacting.close()
    (path,), (body,) = faulty.paths, faulty.bodies
    assert "redact=pci" in path
    assert "keyterm=Nunavut" in path
    assert "mulaw" not in path
    assert body[:4] == b"RIFF"


async def test_a_clip_that_is_refused_says_why(faulty: Faulty) -> None:
    faulty.statuses = [402]
    service = DeepgramBatchService("key", base_url=faulty.address)
    with pytest.raises(UpstreamError):
        await service.transcribe_clip(np.zeros(RATE, np.float32), "fr")
    await service.close()
    with pytest.raises(EngineError):
        await service.transcribe_clip(np.zeros(RATE, np.float32), "fr")
