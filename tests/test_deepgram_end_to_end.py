"""Deepgram as the backend of a whole server: streaming, by requests, and refused.

What answers is our own server with the real recogniser, in place of the cloud.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from callscribe.engines import create_engine
from callscribe.engines.base import TranscriptionEngine
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.settings import Settings
from tests import speech
from tests.engines.deepgram.upstream import FINAL, METADATA, REQUEST_ID, faulty_server, upstream
from tests.engines_for_tests import energy_factory, tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio

KEY = "right-and-long-enough"
SECONDS = 12


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server in place of the cloud."""
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings.model_validate({"data_dir": tmp_path_factory.mktemp("cloud"), "api_keys": KEY})
    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        yield served


def real_deepgram(name: str, settings: Settings) -> TranscriptionEngine:
    """Deepgram as it is; the local engine behind it hears tones."""
    return (create_engine if name == "deepgram" else energy_factory)(name, settings)


@contextmanager
def using(address: str, folder: Path, key: str = KEY) -> Iterator[Served]:
    """A server that has a key for Deepgram."""
    values = {"data_dir": folder, "DEEPGRAM_API_KEY": key, "DEEPGRAM_BASE_URL": address}
    with serving(Settings.model_validate(values), real_deepgram) as served:
        yield served


async def configure(served: Served, **changes: Any) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.put(f"{served.http}/api/config/transcription", json=changes)
        assert answer.status_code == 200, answer.text


async def get(served: Served, path: str) -> Any:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{served.http}/api/sessions/{path}")).json()


async def call(served: Served, pcm: bytes, rate: int) -> AudioClient:
    """One leg from its start to its end, at four times the pace of speech."""
    client = await AudioClient.start(served, speaker="agent", sample_rate=rate)
    await feed(client, pcm, rate)
    await client.stop()
    await client.closed()
    return client


def agent() -> tuple[int, bytes]:
    rate, samples = speech.leg("fr", "agent")
    return rate, samples[: SECONDS * rate].astype("<i2").tobytes()


async def test_the_configuration_decides_how_the_next_session_is_heard(
    cloud: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="callscribe.engines.deepgram")
    rate, pcm = agent()
    spoken = [u for u in speech.script("fr") if u.speaker == "agent" and u.end < SECONDS - 1]
    expected = " ".join(u.text for u in spoken)
    engines, interims = [], []
    with using(cloud.ws, tmp_path) as served, capture_logs() as logs:
        for streaming in (True, False):
            await configure(served, deepgram_use_streaming=streaming)
            client = await AudioClient.start(served, speaker="agent", sample_rate=rate)
            begun = 2 * 2 * rate  # amid the first sentence
            await feed(client, pcm[:begun], rate)
            if streaming:  # a machine with much to do shows words late
                await client.until("interim")
            await feed(client, pcm[begun:], rate)
            await client.stop()
            await client.closed()
            engines.append(client.ready["engine"])
            interims.append([m for m in client.messages if m["type"] == "interim"])
            heard = " ".join(client.finals())
            assert speech.recall(expected, heard) > 0.7, (streaming, heard)
            notices = [m for m in client.messages if m["type"] == "notice"]
            assert not notices
        await configure(served, transcription_backend="whisper")
        client = await call(served, tones(400), 16_000)
        engines.append(client.ready["engine"])
    assert engines == ["deepgram", "deepgram", "whisper"]
    assert interims[0]
    assert not interims[1]
    check_log(logs, expected)


async def feed(client: AudioClient, pcm: bytes, rate: int) -> None:
    for at in range(0, len(pcm), rate // 5):
        await client.socket.send(pcm[at : at + rate // 5])
        await asyncio.sleep(0.025)


async def test_every_switch_serves_the_next_session_and_running_ones_keep_theirs(
    cloud: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(cloud, monkeypatch)
    rate, pcm = agent()
    half = len(pcm) // 4 * 2
    with using(cloud.ws, tmp_path) as served:
        await configure(served, unsure_below={"*": 0})  # else requests hear finals again
        first = await AudioClient.start(served, speaker="agent", sample_rate=rate)
        await feed(first, pcm[:half], rate)
        await configure(served, transcription_language="en")
        english = await AudioClient.start(served, speaker="agent", sample_rate=rate)
        await configure(served, transcription_language="fr", deepgram_use_streaming=False)
        pieces = await AudioClient.start(served, speaker="agent", sample_rate=rate)
        await configure(served, transcription_backend="whisper")
        local = await AudioClient.start(served, speaker="agent", sample_rate=16_000)
        async with asyncio.TaskGroup() as tasks:  # all of them after the last switch
            tasks.create_task(feed(first, pcm[half:], rate))
            tasks.create_task(feed(english, pcm, rate))
            tasks.create_task(feed(pieces, pcm, rate))
            tasks.create_task(feed(local, tones(400), 16_000))
        clients = [first, english, pieces, local]
        for client in clients:
            await client.stop()
            await client.closed()
        sessions = [await get(served, client.ready["session_id"]) for client in clients]
    assert asked.streams == ["fr", "en"]
    assert set(asked.recordings) == {"fr"}
    assert len(asked.recordings) > 1
    assert [s["legs"][0]["engine"] for s in sessions] == ["deepgram"] * 3 + ["whisper"]
    assert [s["legs"][0]["language"] for s in sessions] == ["fr", "en", "fr", "fr"]
    assert not [m for m in pieces.messages if m["type"] == "interim"]
    assert local.finals() == ["f400"]
    spoken = [u for u in speech.script("fr") if u.speaker == "agent" and u.end < SECONDS - 1]
    expected = " ".join(u.text for u in spoken)
    for client in (first, pieces):
        assert speech.recall(expected, " ".join(client.finals())) > 0.7
    assert not [m for client in clients for m in client.messages if m["type"] == "notice"]


class Asked:
    """The languages that the server in place of the cloud was asked for."""

    def __init__(self, cloud: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.streams: list[str] = []
        self.recordings: list[str] = []
        engine = cloud.context.backends.engines["whisper"]
        assert isinstance(engine, WhisperTranscriptionService)
        stream, recording = engine.transcribe_streaming, engine.transcribe_blocks

        async def streaming(session_id: str, language: str, *more: Any, **named: Any) -> Any:
            self.streams.append(language)
            return await stream(session_id, language, *more, **named)

        async def blocks(audio: Any, language: str, **named: Any) -> Any:
            self.recordings.append(language)
            return await recording(audio, language, **named)

        monkeypatch.setattr(engine, "transcribe_streaming", streaming)
        monkeypatch.setattr(engine, "transcribe_blocks", blocks)


def check_log(logs: list[dict[str, Any]], spoken: str) -> None:
    """The moments of a connection are logged; what was said is not, above debug."""
    connected = [line for line in logs if line["event"] == "deepgram_connected"]
    assert [(c["model"], c["language"], c["sample_rate"]) for c in connected] == [
        ("nova-3", "fr", 16_000)
    ]
    moments = [line["event"] for line in logs if line["event"].startswith("deepgram_")]
    assert moments.index("deepgram_connected") < moments.index("deepgram_opened")
    assert moments.index("deepgram_opened") < moments.index("deepgram_interim")
    assert moments.index("deepgram_final") < moments.index("deepgram_closed")
    loud = [str(line) for line in logs if line["log_level"] != "debug"]
    long_words = {word for word in speech.words(spoken) if len(word) > 6}
    assert long_words
    assert not [line for line in loud if long_words & set(speech.words(line))]
    assert not [line for line in map(str, logs) if KEY in line]


@pytest.mark.parametrize(
    ("status", "cause", "says"),
    [
        (400, "deepgram_bad_option", "option"),
        (401, "deepgram_unauthorized", "DEEPGRAM_API_KEY"),
        (402, "deepgram_no_credit", "credit"),
        (403, "deepgram_forbidden", "may not use"),
        (429, "deepgram_busy", "too many streams"),
    ],
)
async def test_a_refusal_is_said_and_the_call_goes_on(
    tmp_path: Path, status: int, cause: str, says: str
) -> None:
    body = b'{"err_code": "X", "err_msg": "the reason in its words", "request_id": "r"}'
    async with upstream(status=status, body=body) as address:
        with using(address, tmp_path) as served:
            await configure(served, transcription_fallback=["whisper"])  # requests hear no tones
            client = await call(served, tones(400) + bytes(64_000) + tones(600), 16_000)
            session_id = client.ready["session_id"]
            assert client.finals() == ["f400", "f600"]
            session = await get(served, session_id)
            events = (await get(served, f"{session_id}/events"))["events"]
    assert [leg["engine"] for leg in session["legs"]] == ["whisper"]
    (notice,) = [e for e in events if e["type"] == "notice"]
    assert (notice["code"], notice["cause"]) == ("engine_taken_over", cause)
    assert (notice["request_id"], notice["engine"]) == (REQUEST_ID, "whisper")
    assert says in notice["message"]
    assert "the reason in its words" in notice["message"]


async def test_a_call_that_goes_on_without_redaction_says_so(tmp_path: Path) -> None:
    async with upstream(status=402) as address:
        with using(address, tmp_path) as served:
            await configure(served, deepgram_redact=["pci"])
            client = await call(served, tones(400), 16_000)
    (notice,) = [m for m in client.messages if m["type"] == "notice"]
    assert notice["code"] == "engine_taken_over"
    assert "credit" in notice["message"]
    assert "Nothing is redacted" in notice["message"]


async def test_speakers_that_deepgram_tells_apart_are_in_the_transcript(tmp_path: Path) -> None:
    said = json.loads(FINAL)
    (heard,) = said["channel"]["alternatives"]
    heard["words"] = [
        {"word": "oui", "start": 0.1, "end": 0.4, "confidence": 0.9, "speaker": 0},
        {"word": "non", "start": 0.5, "end": 0.9, "confidence": 0.9, "speaker": 1},
    ]
    targets: list[str] = []

    async def two_speakers(connection: ServerConnection) -> None:
        assert connection.request is not None
        targets.append(connection.request.path)
        await connection.recv()
        await connection.send(json.dumps(said))
        async for frame in connection:
            if frame == '{"type":"CloseStream"}':
                await connection.send(METADATA)
                return

    async with upstream(two_speakers) as address:
        with using(address, tmp_path) as served:
            await configure(served, deepgram_diarize=True)
            client = await call(served, bytes(32_000), 16_000)
            session_id = client.ready["session_id"]
            transcript = (await get(served, session_id))["transcript"]
    assert "diarize=true" in targets[0]
    final = next(m for m in client.messages if m["type"] == "final")
    (utterance,) = transcript["utterances"]
    for words in (final["words"], utterance["words"]):
        assert [(w["text"], w["speaker_label"]) for w in words] == [("oui", "0"), ("non", "1")]


def heard_by(start: float, duration: float, words: str, labels: str, *, final: bool) -> str:
    """A message whose words follow each other by 0.4 s, each with the number of its voice."""
    found = [
        {"word": word, "start": at, "end": at + 0.3, "confidence": 0.9, "speaker": int(label)}
        for n, (word, label) in enumerate(zip(words.split(), labels, strict=True))
        for at in (start + 0.1 + 0.4 * n,)
    ]
    said = {"transcript": words, "confidence": 0.9, "words": found}
    message = {**json.loads(FINAL), "start": start, "duration": duration, "is_final": final}
    return json.dumps({**message, "speech_final": final, "channel": {"alternatives": [said]}})


async def test_voices_are_recognised_behind_a_reconnection_or_are_new_ones(tmp_path: Path) -> None:
    connections: list[ServerConnection] = []

    async def numbering_anew(connection: ServerConnection) -> None:
        connections.append(connection)
        received = 0
        async for frame in connection:
            received += len(frame) if isinstance(frame, bytes) else 0
            if len(connections) == 1 and received >= 3.5 * 32_000:
                await connection.send(heard_by(0.0, 1.0, "oui allô", "00", final=True))
                await connection.send(heard_by(1.0, 2.4, "je suis le voisin", "1111", final=False))
                await connection.close(1011)
                return
            if frame == '{"type":"CloseStream"}':
                # It hears again what had no final, from 1.0 s on, and a word more.
                again = heard_by(0.0, 3.0, "Je suis le voisin. Ah bon", "000011", final=True)
                await connection.send(again)
                await connection.send(METADATA)
                return

    async with upstream(numbering_anew) as address:
        with using(address, tmp_path) as served:
            await configure(served, deepgram_diarize=True, transcription_fallback=[])
            client = await call(served, bytes(6 * 32_000), 16_000)
            transcript = (await get(served, client.ready["session_id"]))["transcript"]
    assert len(connections) == 2
    words = [word for utterance in transcript["utterances"] for word in utterance["words"]]
    assert " ".join(w["text"] for w in words) == "oui allô Je suis le voisin. Ah bon"
    assert "".join(w["speaker_label"] for w in words) == "00111122"


async def test_a_refused_request_is_said_and_heard_again(tmp_path: Path) -> None:
    rate, pcm = agent()
    with faulty_server(402) as refusing, using(refusing.address, tmp_path) as served:
        await configure(served, deepgram_use_streaming=False)
        client = await call(served, pcm, rate)
    (notice,) = [m for m in client.messages if m["type"] == "notice"]
    assert (notice["code"], notice["cause"]) == ("engine_taken_over", "deepgram_no_credit")
    finals = [m for m in client.messages if m["type"] == "final"]
    first = next(u for u in speech.script("fr") if u.speaker == "agent")
    assert finals[0]["start"] < first.end  # from the beginning, by the engine that stands in


async def test_a_wrong_key_is_refused_by_a_real_server(cloud: Served, tmp_path: Path) -> None:
    with using(cloud.ws, tmp_path, "wrong-but-long-enough") as served:
        client = await call(served, tones(400), 16_000)
    assert client.finals() == ["f400"]
    (notice,) = [m for m in client.messages if m["type"] == "notice"]
    assert notice["cause"] == "deepgram_unauthorized"
