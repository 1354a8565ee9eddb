"""What the doctor tries at Deepgram, against our own server and against servers with faults."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.cli.deepgram_checks import GUIDES, SECONDS, check_deepgram, loudest
from callscribe.cli.findings import Finding, Guide, State
from callscribe.engines import create_engine
from callscribe.engines.deepgram import connection, faults
from callscribe.settings import Settings, TranscriptionConfig
from tests import speech
from tests.engines.deepgram.upstream import faulty_server, swallow, upstream
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio

KEY = "key-of-the-house"
ALL_WELL = dict.fromkeys(("Route", "Clock", "Limits", "Deepgram"), State.GOOD)


def check(address: str, key: str | None = KEY, **config: Any) -> dict[str, Finding]:
    settings = Settings.model_validate({"deepgram_api_key": key, "deepgram_base_url": address})
    found = check_deepgram(settings, TranscriptionConfig.model_validate(config))
    assert KEY not in str(found)
    return {finding.name: finding for finding in found}


async def check_beside(address: str, **config: Any) -> dict[str, Finding]:
    """The same while a server of this event loop answers."""
    return await asyncio.to_thread(check, address, **config)


def states(found: dict[str, Finding]) -> dict[str, State]:
    return {name: finding.state for name, finding in found.items()}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Served]:
    """Our own server, with a key; it hears tones, and something in any speech."""
    with serving(Settings.model_validate({"data_dir": tmp_path, "api_keys": KEY})) as served:
        yield served


def test_without_a_key_there_is_nothing_to_try() -> None:
    found = check("wss://nowhere.invalid", None)
    assert states(found) == {"Deepgram": State.NOTE}
    assert found["Deepgram"].guide is Guide.KEY


def test_without_a_way_the_key_is_not_tried() -> None:
    assert states(check("wss://nowhere.invalid")) == {"Route": State.BAD}


def test_all_is_well(house: Served) -> None:
    found = check(house.ws)
    assert states(found) == ALL_WELL | {"Microphone": State.GOOD}
    assert "opened a stream" in found["Deepgram"].detail
    assert re.search("16 kHz PCM “f.*8 kHz mu-law “f", found["Microphone"].detail)
    linear, coded = house.engine.connections
    assert (linear._rate, coded._rate) == (16_000, 8_000)
    assert len(linear._audio) == 2 * len(coded._audio) == SECONDS * 32_000


def test_real_speech_is_heard(tmp_path: Path) -> None:
    here = Settings(data_dir=speech.MODELS.parent, max_legs=2)
    with serving(
        Settings.model_validate({"data_dir": tmp_path}), lambda name, _: create_engine(name, here)
    ) as served:
        found = check(served.ws)["Microphone"]
    heard = re.findall("“(.+?)”", found.detail)
    assert len(heard) == 2
    said = " ".join(u.text for u in speech.script("fr"))
    assert all(speech.recall(text, said) >= 0.5 for text in heard)


def test_a_wrong_key(house: Served) -> None:
    found = check(house.ws, "wrong")
    assert states(found) == ALL_WELL | {"Deepgram": State.BAD}
    assert found["Deepgram"].guide is Guide.UNAUTHORIZED
    assert "DEEPGRAM_API_KEY" in found["Deepgram"].detail


@pytest.mark.parametrize(
    ("status", "guide"),
    [
        (400, Guide.BAD_OPTION),
        (402, Guide.NO_CREDIT),
        (403, Guide.FORBIDDEN),
        (404, Guide.BAD_ADDRESS),
        (429, Guide.BUSY),
        (503, Guide.UNAVAILABLE),
    ],
)
async def test_refusals(status: int, guide: Guide) -> None:
    async with upstream(status=status, body=b'{"err_msg": "in its words"}') as address:
        found = await check_beside(address)
    assert "Microphone" not in found
    assert (found["Deepgram"].state, found["Deepgram"].guide) == (State.BAD, guide)
    assert "in its words" in found["Deepgram"].detail


@pytest.mark.parametrize(("code", "reason"), [(1008, "DATA-0000"), (1011, "NET-0001")])
async def test_a_server_that_closes_at_once(code: int, reason: str) -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(code, reason)

    async with upstream(leave) as address:
        found = await check_beside(address)
    assert found["Deepgram"].state is State.BAD
    assert found["Deepgram"].guide is Guide.CLOSES
    assert str(code) in found["Deepgram"].detail


async def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LAST_RESULTS", 0.2)
    async with upstream(swallow) as address:
        found = await check_beside(address)
    assert found["Deepgram"].state is State.BAD
    assert "did not end the stream" in found["Deepgram"].detail


def results(text: str) -> str:
    word = {"word": text, "start": 0.2, "end": 0.5, "confidence": 0.9}
    heard = {"transcript": text, "confidence": 0.9, "words": [word] if text else []}
    more = {"start": 0.0, "duration": 1.0, "is_final": True, "speech_final": True}
    return json.dumps({"type": "Results", "channel": {"alternatives": [heard]}, **more})


class Hearing:
    """A server that hears ``texts``, one in each stream: None is no answer at all."""

    def __init__(self, *texts: str | None) -> None:
        self.texts = list(texts)

    async def __call__(self, socket: ServerConnection) -> None:
        text = self.texts.pop(0)
        async for frame in socket:
            if isinstance(frame, bytes) or "CloseStream" not in frame:
                continue
            if text is not None:
                await socket.send(results(text))
            return


@pytest.mark.parametrize(
    ("texts", "language", "state", "guide"),
    [
        (("oui", "non"), "fr", State.GOOD, Guide.NONE),
        (("oui", None), "fr", State.BAD, Guide.NOTHING_MORE),
        (("", "oui"), "fr", State.NOTE, Guide.LANGUAGE),
        (("", ""), "ja", State.GOOD, Guide.NONE),  # there is no demo call in Japanese
    ],
)
async def test_what_comes_back(texts: Any, language: str, state: State, guide: Guide) -> None:
    async with upstream(Hearing(*texts)) as address:
        found = await check_beside(address, transcription_language=language)
    assert (found["Microphone"].state, found["Microphone"].guide) == (state, guide)


async def test_a_format_that_is_not_taken() -> None:
    async def only_pcm(socket: ServerConnection) -> None:
        assert socket.request is not None
        if "mulaw" in socket.request.path:
            await socket.recv()
            await socket.close(1008, "DATA-0000")
        else:
            await Hearing("oui")(socket)

    async with upstream(only_pcm) as address:
        found = await check_beside(address)
    assert states(found) == ALL_WELL | {"Microphone": State.BAD}
    assert found["Microphone"].detail.startswith("8 kHz mu-law: ")
    assert found["Microphone"].guide is Guide.CLOSES


def test_options_that_deepgram_would_refuse(house: Served) -> None:
    found = check(house.ws, deepgram_model="nova-2", keyterms=["fibre"])
    assert (found["Deepgram"].state, found["Deepgram"].guide) == (State.BAD, Guide.BAD_OPTION)
    assert "nova-2 does not take it" in found["Deepgram"].detail


def test_a_language_that_deepgram_does_not_have(house: Served) -> None:
    found = check(house.ws, transcription_language="cy")
    assert found["Language"].state is State.NOTE
    assert found["Deepgram"].state is State.GOOD


def test_by_requests_where_streaming_is_off() -> None:
    with faulty_server() as server:
        found = check(server.address, deepgram_use_streaming=False)
    assert states(found) == ALL_WELL | {"Microphone": State.GOOD}
    assert "answered a request" in found["Deepgram"].detail
    assert len(server.bodies) == 2
    assert all(body.startswith(b"RIFF") for body in server.bodies)


def test_every_error_of_deepgram_has_its_section() -> None:
    source = Path(faults.__file__).read_text("utf-8")
    codes = set(re.findall(r'"(deepgram_[a-z_]+)"', source))
    assert len(codes) > 9
    assert codes <= set(GUIDES)


def test_the_loudest_seconds_are_taken() -> None:
    rate, samples = speech.leg("fr", "agent")
    taken = loudest(samples, rate)
    assert len(taken) == SECONDS * rate
    assert abs(taken.astype(float)).mean() > 1.5 * abs(samples.astype(float)).mean()
    assert len(loudest(samples[:100], rate)) == 100
