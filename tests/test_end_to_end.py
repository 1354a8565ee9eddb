"""The whole server with the real recogniser: the demo call, both legs at once, over sockets."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect

from callscribe.engines import create_engine
from callscribe.settings import Settings
from callscribe.wer import word_errors
from tests import speech
from tests.serving import AudioClient, Served, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SECONDS = 17
"""Nobody speaks there, so that what is expected is whole sentences."""

WORST = {"agent": 0.2, "technician": 0.5}
"""Word error rates that may be; the technician is on a noisy telephone. Measured: 0.06, 0.12; on a
busy machine, which hears nothing twice, up to 0.46 of the technician."""

WORST_CALL = 0.25
"""The same for the whole call in its order. Measured: 0.09; a sentence out of place adds 0.2."""

PACE = 2.0
"""Times real time."""


async def speak(served: Served, session_id: str, speaker: str, ready: asyncio.Barrier) -> None:
    """One leg, in packets of 20 ms; its connection is cut hard in the middle."""
    rate, samples = speech.leg("fr", speaker)
    audio = samples[: SECONDS * rate].astype("<i2").tobytes()
    resume, cut = "", len(audio) // 2
    while True:
        async with connect(f"{served.ws}/ws/audio", ping_interval=None) as socket:
            client = AudioClient(socket)
            start = {"session_id": session_id, "speaker": speaker, "sample_rate": rate}
            await client.send(type="start", **start, resume=resume)
            first = await client.until("ready")
            if not resume:
                await ready.wait()
            for at in range(first["received"] * 2, len(audio), rate // 25):
                if not resume and at >= cut:
                    break
                await socket.send(audio[at : at + rate // 25])
                await asyncio.sleep(0.02 / PACE)
            if resume:
                ended = await client.stop()
                assert ended["seconds"] == pytest.approx(SECONDS)
                return
            socket.transport.abort()
        resume = first["resume"]


async def test_the_demo_call(settings: Settings) -> None:
    """What is said is written down, once and in order, although both connections were cut."""
    here = settings.model_copy(update={"data_dir": speech.MODELS.parent, "max_legs": 2})

    with serving(settings, lambda name, _: create_engine(name, here)) as served:
        service = served.context.service
        loop = served.server.servers[0].get_loop()
        begun = asyncio.run_coroutine_threadsafe(service.initialize_session(), loop)
        session_id = await asyncio.wrap_future(begun)
        ready = asyncio.Barrier(2)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            for speaker in ("agent", "technician"):
                tasks.create_task(speak(served, session_id, speaker, ready))
        transcript = service.transcript(session_id)
    lines = [line for line in speech.script("fr") if line.end < SECONDS]
    for speaker, worst in WORST.items():
        expected = " ".join(line.text for line in lines if line.speaker == speaker)
        heard = transcript.of(speaker)
        assert word_errors(expected, heard).rate <= worst, (expected, heard)
    expected = " ".join(line.text for line in lines)
    assert word_errors(expected, transcript.text).rate <= WORST_CALL, transcript.text
    first = speech.script("fr")[0]
    assert transcript.utterances[0].start == pytest.approx(first.start, abs=1.0)
    assert transcript.speakers == ["agent", "technician"]
