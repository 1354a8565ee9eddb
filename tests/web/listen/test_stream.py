"""The official SDK streams to our server over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import numpy as np
import pytest
from deepgram.listen.v1.types import ListenV1Configure
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callscribe.web.listen import stream as stream_module
from callscribe.wire.g711 import samples_to_alaw, samples_to_mulaw
from tests import speech
from tests.engines_for_tests import tones
from tests.serving import Served
from tests.web.listen.conftest import KEY, spoken
from tests.web.listen.sdk import streaming

pytestmark = [
    pytest.mark.anyio,
    # The SDK still uses the old half of its socket library.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"


@pytest.fixture
def port(served: Served) -> int:
    return served.port


async def test_segments_touch_and_restate_themselves(port: int) -> None:
    async with streaming(
        port, interim_results=True, vad_events=True, utterance_end_ms=1000
    ) as heard:
        audio = tones(400, 600, gap=0.2) + bytes(48_000) + tones(800) + bytes(64_000)
        for at in range(0, len(audio), 3200):
            await heard.socket.send_media(audio[at : at + 3200])
        await heard.until("UtteranceEnd", 2)
    assert not heard.errors
    assert heard.text == "f400 f600 f800"
    ends = 0.0
    for final in heard.finals:
        assert final.start == pytest.approx(ends, abs=0.002)
        ends = final.start + final.duration
    seconds = len(audio) / 32_000
    assert ends == pytest.approx(seconds, abs=0.01)
    interims = [r for r in heard.of("Results") if not r.is_final]
    assert interims
    for interim in interims:
        assert interim.start in [f.start for f in heard.finals]
        assert not interim.speech_final
    spoken = [f for f in heard.finals if f.channel.alternatives[0].transcript]
    assert all(f.speech_final for f in spoken)
    assert len(heard.of("SpeechStarted")) == 2
    lasts = [f.channel.alternatives[0].words[-1].end for f in spoken]
    assert [e.last_word_end for e in heard.of("UtteranceEnd")] == pytest.approx(lasts)
    (metadata,) = heard.of("Metadata")
    assert metadata.duration == pytest.approx(seconds)
    assert metadata.channels == 1
    assert heard.messages[-1] is metadata


async def test_what_was_not_asked_for_is_not_sent(port: int) -> None:
    async with streaming(port) as heard:
        await heard.socket.send_media(tones(400) + bytes(64_000))
        await heard.until("Results")
    assert {m.type for m in heard.messages} == {"Results", "Metadata"}
    assert all(r.is_final for r in heard.of("Results"))


async def test_without_endpointing_no_speech_is_final(port: int) -> None:
    async with streaming(port, endpointing="false") as heard:
        await heard.socket.send_media(tones(400) + bytes(64_000))
        await heard.until("Results")
    assert heard.text == "f400"
    assert not any(r.speech_final for r in heard.finals)


async def test_two_channels_are_two_transcripts(port: int) -> None:
    left = np.frombuffer(tones(400), "<i2")
    right = np.frombuffer(tones(800), "<i2")
    both = np.stack([left, right], axis=1).tobytes()
    async with streaming(port, channels=2, multichannel=True) as heard:
        await heard.socket.send_media(both + bytes(64_000))
    said = {
        tuple(r.channel_index): r.channel.alternatives[0].transcript
        for r in heard.finals
        if r.channel.alternatives[0].transcript
    }
    assert said == {(0, 2): "f400", (1, 2): "f800"}
    assert heard.of("Metadata")[0].channels == 2


@pytest.mark.parametrize("encoding", ["mulaw", "alaw", "linear32"])
async def test_other_encodings(port: int, encoding: str) -> None:
    samples = np.frombuffer(tones(400, rate=8000), "<i2")
    data = {
        "mulaw": samples_to_mulaw(samples),
        "alaw": samples_to_alaw(samples),
        "linear32": (samples / 32768).astype("<f4").tobytes(),
    }[encoding]
    async with streaming(port, encoding=encoding, sample_rate=8000) as heard:
        for at in range(0, len(data), 333):  # pieces that cut samples in two
            await heard.socket.send_media(data[at : at + 333])
    assert heard.text == "f400"


async def test_finalize_is_answered(port: int) -> None:
    async with streaming(port) as heard:
        await heard.socket.send_media(tones(400, gap=0.1))
        await heard.socket.send_finalize()
        await heard.until("Results")
        assert heard.text == "f400"


async def test_an_empty_frame_ends_the_stream(served: Served) -> None:
    async with connect(served.ws + RAW) as socket:
        await socket.send(tones(400))
        await socket.send(b"")
        frames = [json.loads(frame) async for frame in socket]
        assert socket.close_code == 1000
    assert frames[-1]["type"] == "Metadata"


async def test_bad_text_frames_are_answered_and_the_stream_goes_on(served: Served) -> None:
    async with connect(served.ws + RAW) as socket:
        for text in ("{", '{"type": "Sing"}', '{"type": "Finalize", "channel": "x"}'):
            await socket.send(text)
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["message"]) == ("Error", text)
        await socket.send("x" * 100_000)
        assert len(await socket.recv()) < 3000
        await socket.send('{"type": "KeepAlive"}')
        await socket.send(tones(400))
        await socket.send('{"type": "CloseStream"}')
        frames = [json.loads(frame) async for frame in socket]
    assert frames[0]["channel"]["alternatives"][0]["transcript"] == "f400"


async def test_keyterms_change_while_the_stream_runs(served: Served) -> None:
    async with streaming(served.port, interim_results=True) as heard:
        await heard.socket.send_media(tones(400, gap=0.5))
        await heard.until("Results", 2)
        await heard.socket.send_configure(ListenV1Configure(keyterms=["Zoé", "fibre"]))
        await heard.until("ConfigureSuccess")
        await heard.socket.send_media(tones(600, gap=0.5))
    assert not heard.errors
    assert heard.of("ConfigureSuccess")[0].keyterms == ["Zoé", "fibre"]
    assert served.engine.options is not None
    assert served.engine.options.keyterms == ("Zoé", "fibre")
    assert served.engine.options.interim_results
    assert heard.text == "f400 f600"
    starts = [r.channel.alternatives[0].words[0].start for r in heard.finals if r.speech_final]
    assert starts == pytest.approx([0.1, 1.0], abs=0.03)


async def test_a_change_waits_for_the_end_of_the_utterance(served: Served) -> None:
    async with streaming(served.port, interim_results=True) as heard:
        await heard.socket.send_media(tones(400, gap=0.0))
        await heard.until("Results")
        for terms in (["first"], ["second"]):
            await heard.socket.send_configure(ListenV1Configure(keyterms=terms))
        await heard.until("ConfigureFailure")
        assert heard.of("ConfigureFailure")[0].code == "CONFIGURE_ALREADY_PENDING"
        assert not heard.of("ConfigureSuccess")
        await heard.socket.send_media(tones(600, gap=0.4))
        await heard.until("ConfigureSuccess")
    assert heard.text == "f400 f600"
    assert sum(r.speech_final for r in heard.finals) == 1
    assert served.engine.open_legs == 0


async def test_a_change_waits_for_five_seconds_of_audio_at_most(served: Served) -> None:
    async with streaming(served.port, interim_results=True) as heard:
        await heard.socket.send_media(tones(400, gap=0.0))
        await heard.until("Results")
        await heard.socket.send_configure(ListenV1Configure(keyterms=["x"]))
        for _ in range(6):
            await heard.socket.send_media(tones(400, length=1.0, gap=0.0))
        await heard.until("ConfigureSuccess")
    assert heard.text == "f400 f400"
    assert [f.start for f in heard.finals][1] == pytest.approx(5.3)


async def test_a_change_that_never_comes_into_force_is_answered(served: Served) -> None:
    async with streaming(served.port, interim_results=True) as heard:
        await heard.socket.send_media(tones(400, gap=0.0))
        await heard.until("Results")
        await heard.socket.send_configure(ListenV1Configure(keyterms=["late"]))
    assert [m.code for m in heard.of("ConfigureFailure")] == ["CONFIGURE_INTERNAL_ERROR"]


async def test_a_full_machine_leaves_the_keyterms_as_they_are(served: Served) -> None:
    served.engine.max_legs = 3
    async with streaming(served.port, channels=2, multichannel=True) as heard:
        await heard.socket.send_configure(ListenV1Configure(keyterms=["x"]))
        await heard.until("ConfigureFailure")
        assert "3 legs are taken" in heard.of("ConfigureFailure")[0].description
        assert served.engine.open_legs == 2
        await heard.socket.send_media(np.repeat(np.frombuffer(tones(400), "<i2"), 2).tobytes())
    assert heard.text == "f400 f400"


@pytest.mark.parametrize(("silence", "patience", "text"), [(0.3, 9, ""), (9, 0.3, "KeepAlive")])
async def test_clients_that_send_no_audio_are_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch, silence: float, patience: float, text: str
) -> None:
    monkeypatch.setattr(stream_module, "SILENCE", silence)
    monkeypatch.setattr(stream_module, "AUDIO_PATIENCE", patience)
    async with connect(served.ws + RAW) as socket:
        if text:
            await socket.send(json.dumps({"type": text}))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1011
        assert ("NET-0000" if text else "NET-0001") in (socket.close_reason or "")


async def test_what_is_no_audio_closes_1008(served: Served) -> None:
    async with connect(served.ws + "/v1/listen?model=nova-3") as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):
                await socket.send(b"these are words and no sound " * 140)
                await asyncio.sleep(0.02)
        await socket.wait_closed()
        assert socket.close_code == 1008
        assert socket.close_reason == "DATA-0000"


@pytest.mark.parametrize(
    ("query", "status", "hint"),
    [
        ("model=nova-3&utterance_end_ms=999&interim_results=true", 400, "utterance_end_ms"),
        ("model=nova-3&language=english", 400, "language"),
        ("model=nova-3&redact=pci", 400, "redact"),
        ("model=nova-3&callback=http://x", 400, "callback"),
        ("model=nova-3&encoding=linear16", 400, "sample_rate"),
        ("model=nova-3&encoding=speex&sample_rate=16000", 400, "speex"),
        ("model=nova-2&keyterm=a", 400, "keyterm"),
    ],
)
async def test_upgrades_are_refused_in_deepgrams_form(
    served: Served, query: str, status: int, hint: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{served.ws}/v1/listen?{query}"):
            pass
    response = caught.value.response
    assert response.status_code == status
    body = json.loads(response.body or b"{}")
    assert hint in body["err_msg"]
    assert response.headers["dg-error"] == body["err_msg"]
    assert response.headers["dg-request-id"] == body["request_id"]


async def test_a_full_machine_refuses_with_503(served: Served) -> None:
    served.engine.max_legs = 0
    with pytest.raises(InvalidStatus) as caught:
        async with connect(served.ws + RAW):
            pass
    assert caught.value.response.status_code == 503
    assert "Retry-After" in caught.value.response.headers


async def test_what_is_left_out_is_declared(served: Served) -> None:
    async with connect(f"{served.ws}{RAW}&diarize=true&novelty=1") as socket:
        assert socket.response is not None
        assert socket.response.headers["callscribe-unsupported"] == "diarize, novelty"
        assert socket.response.headers["dg-request-id"].count("-") == 4


async def test_legs_are_free_again_after_any_end(served: Served) -> None:
    for end in ("close", "abort"):
        socket = await connect(served.ws + RAW)
        await socket.send(tones(400))
        if end == "abort":
            socket.transport.abort()
        await socket.close()
    deadline = time.monotonic() + 10
    while served.engine.open_legs and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert served.engine.open_legs == 0


@pytest.mark.parametrize("container", [False, True], ids=["linear16", "flac"])
async def test_real_speech(listening: Served, container: bool) -> None:
    rate, samples = speech.leg("fr", "agent")
    data = samples[: 12 * rate].astype("<i2").tobytes()
    options: dict[str, Any] = {"language": "fr", "smart_format": True, "sample_rate": rate}
    if container:
        data = (speech.CALLS / "fr" / "agent.flac").read_bytes()
        data = data[: len(data) // 5]
        options |= {"encoding": None, "sample_rate": None}
    async with streaming(listening.port, KEY, **options) as heard:
        for at in range(0, len(data), 16_000):
            if at == 64_000:
                await heard.socket.send_configure(ListenV1Configure(keyterms=["fibre", "box"]))
            await heard.socket.send_media(data[at : at + 16_000])
            await asyncio.sleep(0.02)
    (changed,) = heard.of("ConfigureSuccess")
    assert changed.keyterms == ["fibre", "box"]
    seconds = heard.of("Metadata")[0].duration
    assert speech.recall(spoken("agent", before=seconds - 1), heard.text) > 0.7
