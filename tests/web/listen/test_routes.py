"""Recordings, tokens and keys at Deepgram's addresses, by the official SDK and by hand."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import Any

import httpx
import pytest
from deepgram.core.api_error import ApiError

from callscribe.engines.whisper import service
from callscribe.wire.deepgram_rest import parse_recording
from tests import speech
from tests.schemas import check_answer
from tests.serving import Served
from tests.web.listen.conftest import KEY, SPEAKERS, spoken
from tests.web.listen.sdk import client

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


async def test_a_recording_by_the_sdk(listening: Served, recording: bytes) -> None:
    async with client(listening.port, KEY) as sdk:
        found = await sdk.listen.v1.media.transcribe_file(
            request=recording,
            model="nova-3",
            language="fr",
            multichannel=True,
            utterances=True,
            paragraphs=True,
            smart_format=True,
            tag="test",
            extra="case:42",
        )
    assert found.metadata.channels == 2
    assert found.metadata.duration == 12
    assert found.metadata.tags == ["test"]
    for channel, speaker in zip(found.results.channels, SPEAKERS, strict=True):
        best = channel.alternatives[0]
        assert speech.recall(spoken(speaker), best.transcript) > 0.6
        assert best.words[0].punctuated_word
        assert best.paragraphs.paragraphs[0].sentences[0].text in best.transcript
        assert best.paragraphs.paragraphs[0].end <= 12
    starts = [u.start for u in found.results.utterances]
    assert starts == sorted(starts)
    assert {u.channel for u in found.results.utterances} == {0, 1}


async def test_pieces_without_a_length(listening: Served, recording: bytes) -> None:
    async def pieces() -> Any:
        for at in range(0, len(recording), 50_000):
            yield recording[at : at + 50_000]

    async with client(listening.port, KEY) as sdk:
        found = await sdk.listen.v1.media.transcribe_file(
            request=pieces(), model="nova-3", detect_language=True
        )
    channel = found.results.channels[0]
    assert channel.detected_language == "fr"
    assert channel.alternatives[0].transcript == channel.alternatives[0].transcript.lower()
    assert not hasattr(channel.alternatives[0].words[0], "punctuated_word")


async def test_raw_samples(listening: Served) -> None:
    rate, samples = speech.leg("fr", "technician")
    query = {"encoding": "linear16", "sample_rate": str(rate), "language": "fr-FR"}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(
            f"{listening.http}/v1/listen",
            params=query | {"smart_format": "true"},
            content=samples[: 12 * rate].astype("<i2").tobytes(),
            headers={"Authorization": f"Token {KEY}"},
        )
    assert answer.status_code == 200
    assert answer.headers["dg-request-id"]
    text = parse_recording(answer.content).results.channels[0].alternatives[0].transcript
    assert speech.recall(spoken("technician"), text) > 0.6


@pytest.mark.parametrize(
    ("content", "query", "hint"),
    [
        (b'{"url": "http://somewhere/x.wav"}', {}, "may not fetch from somewhere"),
        (b"", {}, "no body"),
        (b"these are words" * 500, {}, "that can be read"),
        (b"x", {"model": "nova-3", "keywords": "a"}, "keyterm"),
    ],
)
async def test_bad_recordings(
    listening: Served, content: bytes, query: dict[str, str], hint: str
) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{listening.http}/v1/listen",
            params=query,
            content=content,
            headers={"Authorization": f"Token {KEY}"},
        )
    assert answer.status_code == 400
    assert hint in answer.json()["err_msg"]
    assert "/tmp" not in answer.json()["err_msg"]  # noqa: S108 - that is the point
    assert answer.json()["request_id"] == answer.headers["dg-request-id"]


async def test_a_wrong_key_is_401_on_every_address(listening: Served) -> None:
    async with client(listening.port, "wrong") as stranger:
        with pytest.raises(ApiError) as caught:
            await stranger.listen.v1.media.transcribe_file(request=b"x", model="nova-3")
        assert caught.value.status_code == 401
        assert caught.value.body["err_code"] == "INVALID_AUTH"
        with pytest.raises(ApiError) as caught:
            await stranger.auth.v1.tokens.grant()
        assert caught.value.status_code == 401
        with pytest.raises(ApiError) as caught:
            await stranger.listen.v1.connect(model="nova-3").__aenter__()
        assert caught.value.status_code == 401
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{listening.http}/v1/auth/token")).status_code == 401


async def test_a_token_opens_a_stream_and_grants_no_other(listening: Served) -> None:
    async with client(listening.port, KEY) as sdk:
        granted = await sdk.auth.v1.tokens.grant(ttl_seconds=20)
    assert granted.expires_in == 20
    async with client(listening.port, None, access_token=granted.access_token) as sdk:
        async with sdk.listen.v1.connect(
            model="nova-3", encoding="linear16", sample_rate=16_000
        ) as socket:
            await socket.send_media(bytes(32_000))
            await socket.send_close_stream()
            kinds = [message.type async for message in socket]
        assert kinds[-1] == "Metadata"
        with pytest.raises(ApiError):
            await sdk.auth.v1.tokens.grant()


@pytest.mark.parametrize("life", [0, 3601, "x"])
async def test_tokens_live_up_to_an_hour(listening: Served, life: Any) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{listening.http}/v1/auth/grant",
            json={"ttl_seconds": life},
            headers={"Authorization": f"Token {KEY}"},
        )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/v1/listen", b"", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/projects", b"", 404, "NOT_FOUND"),
        ("POST", "/v1/auth/grant", b"{", 400, "Bad Request"),
        ("POST", "/v1/auth/grant", b"[1]", 400, "Bad Request"),
        ("POST", "/v1/auth/grant", b" " * 100_000, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_whatever_fails_is_told_in_deepgrams_form(
    listening: Served, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Authorization": f"Token {KEY}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(headers=headers) as http:
        answer = await http.request(method, listening.http + path, content=content)
    assert check_answer(path, answer.status_code, answer.headers, answer.content) == "error"
    assert (answer.status_code, answer.json()["err_code"]) == (status, code)
    assert answer.json()["err_msg"]
    assert ("allow" in answer.headers) == (status == 405)


async def test_an_engine_that_takes_no_recordings(served: Served, recording: bytes) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{served.http}/v1/listen", content=recording)
    assert answer.status_code == 500
    assert "takes no recordings" in answer.json()["err_msg"]


async def test_a_recording_too_many_is_503(
    listening: Served, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_RECORDINGS", 0)
    engine = listening.context.backends.engines["whisper"]
    assert isinstance(engine, service.WhisperTranscriptionService)
    headers = {"Authorization": f"Token {KEY}"}
    address = f"{listening.http}/v1/listen?language=fr"
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        first = asyncio.create_task(http.post(address, content=recording))
        while not engine._recordings:
            await asyncio.sleep(0.01)
        refused = await http.post(address, content=recording)
        taken = await first
        again = await http.post(address, content=recording)
    body = refused.content
    assert check_answer("/v1/listen", refused.status_code, refused.headers, body) == "error"
    assert (refused.status_code, refused.json()["err_code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "send this one again in a while" in refused.json()["err_msg"]
    assert refused.headers["retry-after"] == "5"
    assert (taken.status_code, again.status_code) == (200, 200)


async def test_a_recording_of_nothing(listening: Served) -> None:
    head = io.BytesIO()
    with wave.open(head, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{listening.http}/v1/listen",
            content=head.getvalue(),
            headers={"Authorization": f"Token {KEY}"},
        )
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["metadata"]["duration"] == 0
