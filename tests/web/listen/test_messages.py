"""Every message that there is, read from bare sockets and held against the schemas.

They are the official ones where this machine has them, see ``tests/schemas.py``. What all other
tests bring the server to send is checked there too, as it leaves.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect

from tests import speech
from tests.engines_for_tests import tones
from tests.schemas import MESSAGES, check_answer, check_frame
from tests.serving import Served
from tests.web.listen.conftest import KEY

pytestmark = pytest.mark.anyio

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
EVENTS = "&interim_results=true&vad_events=true&utterance_end_ms=1000&smart_format=true"
HEADERS = {"Authorization": f"Token {KEY}"}


async def test_every_kind_of_message_is_valid(served: Served) -> None:
    texts: list[str] = []
    async with connect(f"{served.ws}{RAW}{EVENTS}") as socket:
        await socket.send("no JSON")
        await socket.send('{"type": "Configure", "features": {"numerals": true}}')
        await socket.send('{"type": "Configure", "keyterms": ["Zoé"]}')
        for piece in (tones(400, 600, gap=0.2), bytes(96_000), tones(800, gap=0.1)):
            for at in range(0, len(piece), 3200):
                await socket.send(piece[at : at + 3200])
        await socket.send('{"type": "Finalize"}')
        await socket.send(tones(400) + bytes(320_000))  # so much silence has finals of its own
        await socket.send('{"type": "CloseStream"}')
        texts += [text async for text in socket if isinstance(text, str)]
        assert socket.close_code == 1000
    assert Counter(map(check_frame, texts)) == served.sent
    assert served.sent.keys() == MESSAGES.keys()
    results = [frame for frame in map(json.loads, texts) if frame["type"] == "Results"]
    seen = {(r["is_final"], r["speech_final"], r["from_finalize"]) for r in results}
    assert {(False, False, False), (True, True, False), (True, False, False)} <= seen
    assert any(not r["channel"]["alternatives"][0]["words"] for r in results)


async def test_what_real_speech_brings_is_valid(listening: Served) -> None:
    rate, samples = speech.leg("fr", "agent")
    both = np.stack([samples, samples], axis=1)[: 8 * rate].astype("<i2").tobytes()
    query = f"&language=multi&channels=2&multichannel=true&sample_rate={rate}"
    texts = []
    path = f"/v1/listen?model=nova-3&encoding=linear16{query}{EVENTS}"
    async with connect(listening.ws + path, additional_headers=HEADERS) as socket:
        for at in range(0, len(both), 12_800):
            await socket.send(both[at : at + 12_800])
        await socket.send('{"type": "CloseStream"}')
        texts += [text async for text in socket if isinstance(text, str)]
    kinds = Counter(map(check_frame, texts))
    assert kinds["Results"] > 2
    words: list[dict[str, Any]] = [
        word
        for frame in map(json.loads, texts)
        if frame["type"] == "Results"
        for word in frame["channel"]["alternatives"][0]["words"]
    ]
    assert {word["language"] for word in words} == {"fr"}
    assert all(word["punctuated_word"] for word in words)


@pytest.mark.parametrize(
    "query",
    [
        {"model": "nova-3"},
        {"model": "nova-3", "language": "fr", "utterances": "true", "paragraphs": "true"},
        {
            "model": "nova-3",
            "detect_language": "true",
            "multichannel": "true",
            "smart_format": "true",
            "utterances": "true",
            "tag": "test",
            "extra": "case:42",
        },
        {"model": "nova-3", "language": "multi"},
    ],
    ids=["plain", "utterances and paragraphs", "multichannel", "multi"],
)
async def test_answers_for_recordings_are_valid(
    listening: Served, recording: bytes, query: dict[str, str]
) -> None:
    async with httpx.AsyncClient(timeout=60, headers=HEADERS) as http:
        answer = await http.post(f"{listening.http}/v1/listen", params=query, content=recording)
    assert answer.status_code == 200
    assert check_answer("/v1/listen", 200, answer.headers, answer.content) == "recording"
    body = answer.json()
    assert body["results"]["channels"][0]["alternatives"][0]["words"]
    assert ("utterances" in body["results"]) == ("utterances" in query)
    assert len(body["results"]["channels"]) == (2 if "multichannel" in query else 1)
    assert ("detected_language" in body["results"]["channels"][0]) == ("detect_language" in query)


async def test_a_recording_of_silence_is_answered_with_a_valid_nothing(listening: Served) -> None:
    query = {"encoding": "linear16", "sample_rate": "16000", "utterances": "true"}
    query |= {"paragraphs": "true", "detect_language": "true"}
    async with httpx.AsyncClient(timeout=60, headers=HEADERS) as http:
        answer = await http.post(f"{listening.http}/v1/listen", params=query, content=bytes(64_000))
    assert check_answer("/v1/listen", 200, answer.headers, answer.content) == "recording"
    (channel,) = answer.json()["results"]["channels"]
    assert channel["alternatives"][0]["transcript"] == ""
    assert answer.json()["results"]["utterances"] == []


async def test_grants_are_valid(listening: Served) -> None:
    async with httpx.AsyncClient(headers=HEADERS) as http:
        for body in (None, {}, {"ttl_seconds": 1.5}):
            answer = await http.post(f"{listening.http}/v1/auth/grant", json=body)
            assert check_answer("/v1/auth/grant", 200, answer.headers, answer.content) == "grant"
