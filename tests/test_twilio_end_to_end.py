"""A telephone call in French, both tracks, through the whole server with the real recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import numpy as np
import pytest
import soxr

from callscribe.demo.client import Client
from callscribe.demo.telephone import Telephone
from callscribe.engines import create_engine
from callscribe.engines.base import TranscriptionEngine
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.wer import word_errors
from tests import speech
from tests.serving import Served, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SECONDS = 17
"""Nobody speaks there, so that what is expected is whole sentences."""

PACE = 2.0
"""Times real time."""

WORST = {"agent": 0.3, "technician": 0.5}
"""Word error rates that may be, at 8 kHz in mu-law; the technician's line is noisy besides."""

AUTH_TOKEN = "of-the-test"  # noqa: S105 - of nobody


def track(speaker: str) -> np.ndarray:
    """A leg of the demo call as a telephone brings it."""
    rate, samples = speech.leg("fr", speaker)
    whole = samples if rate == 8000 else soxr.resample(samples, rate, 8000)
    return np.asarray(whole[: SECONDS * 8000], np.int16)


@pytest.fixture(params=["whisper", "deepgram"])
def answering(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Served]:
    """A server with a telephone; as Deepgram another server of ours stands behind it."""
    here = settings.model_copy(update={"data_dir": speech.MODELS.parent, "max_legs": 2})
    backend = request.param
    given: dict[str, object] = {**settings.model_dump(), "twilio_auth_token": AUTH_TOKEN}
    with ExitStack() as stack:
        if backend == "deepgram":
            cloud_settings = settings.model_copy(update={"data_dir": settings.data_dir / "cloud"})
            cloud = stack.enter_context(
                serving(cloud_settings, lambda name, _: create_engine(name, here))
            )
            given |= {"deepgram_api_key": "any", "deepgram_base_url": cloud.ws}
        telephone = Settings.model_validate(given)

        def engine(name: str, wanted: Settings) -> TranscriptionEngine:
            if name == backend:
                return create_engine(name, wanted if name == "deepgram" else here)
            raise ConfigurationError(f"{name} is left out")

        served = stack.enter_context(serving(telephone, engine))
        asyncio.run(served_and_ready(Client("127.0.0.1", served.port)))
        if backend == "deepgram":
            asyncio.run(served_and_ready(Client("127.0.0.1", cloud.port)))
        yield served


async def test_a_call_in_french_on_two_tracks(answering: Served) -> None:
    client = Client("127.0.0.1", answering.port)
    line = Telephone(client, AUTH_TOKEN)

    async def at_once() -> float:
        return asyncio.get_running_loop().time()

    answer = await line.ring("fr")
    tracks = {"inbound": track("technician"), "outbound": track("agent")}
    async with asyncio.timeout(60):
        await line.play(answer, tracks, at_once, speed=PACE)
        events = [event async for event in client.events(line.session_id)]
    transcript = answering.context.service.transcript(line.session_id)
    assert {event["engine"] for event in events if event["type"] == "leg_started"} == {
        answering.context.service.session(line.session_id).engine_name
    }
    lines = [said for said in speech.script("fr") if said.end < SECONDS]
    for speaker, worst in WORST.items():
        expected = " ".join(said.text for said in lines if said.speaker == speaker)
        heard = transcript.of(speaker)
        assert word_errors(expected, heard).rate <= worst, (expected, heard)
    assert {said.speaker for said in transcript.utterances} == {"agent", "technician"}
    assert all(a.start <= b.start for a, b in pairwise(transcript.utterances))
    first = speech.script("fr")[0]
    assert transcript.utterances[0].start == pytest.approx(first.start, abs=1.0)
    legs = [event for event in events if event["type"] == "leg_started"]
    assert abs(legs[0]["offset"] - legs[1]["offset"]) < 0.001
    assert [e["seconds"] for e in events if e["type"] == "leg_ended"] == [SECONDS, SECONDS]
    assert not [event for event in events if event["type"] == "gap"]


async def served_and_ready(client: Client) -> None:
    """Waits for the model."""
    async with asyncio.timeout(120):
        while True:
            backends = (await client.call("GET", "/api/status"))["backends"]
            if any(backend["available"] for backend in backends):
                return
            await asyncio.sleep(0.1)
