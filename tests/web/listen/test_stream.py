"""The official SDK streams to our server over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callscribe.engines import create_engine
from callscribe.settings import Settings
from callscribe.web.listen import stream as stream_module
from callscribe.wire.g711 import samples_to_alaw, samples_to_mulaw
from tests import speech
from tests.engines_for_tests import tones
from tests.serving import Served, serving
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


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"keyterms": ["Zephyr", "Mikael"]}, {"keyterms": ["Zephyr", "Mikael"]}),
        ({"keyterms": []}, {"keyterms": []}),
        ({"keyterms": None}, {}),
        ({"features": {"numerals": False}}, {}),
        ({"features": {"numerals": True}}, "CONFIGURE_INTERNAL_ERROR"),
        ({"keyterms": ["supercalifragilistic"] * 200}, "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"),
    ],
)
async def test_configure_is_answered_once(served: Served, body: Any, answer: Any) -> None:
    async with connect(served.ws + RAW) as socket:
        await socket.send(json.dumps({"type": "Configure", **body}))
        said = json.loads(await socket.recv())
        await socket.send('{"type": "CloseStream"}')
        assert [json.loads(frame)["type"] async for frame in socket] == ["Metadata"]
    assert said.pop("request_id")
    (leg,) = served.engine.connections
    if isinstance(answer, str):
        assert (said["type"], said["code"]) == ("ConfigureFailure", answer)
        assert leg.keyterms == ()
    else:
        assert said == {"type": "ConfigureSuccess", **answer}
        assert leg.keyterms == tuple(answer.get("keyterms", ()))


async def test_an_older_model_takes_no_keyterms(served: Served) -> None:
    async with connect(served.ws + RAW.replace("nova-3", "nova-2")) as socket:
        await socket.send('{"type": "Configure", "keyterms": ["x"]}')
        said = json.loads(await socket.recv())
    assert said["code"] == "CONFIGURE_KEYTERMS_NOT_SUPPORTED"


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


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the real recogniser."""
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    mine = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        yield served


@pytest.mark.parametrize("container", [False, True], ids=["linear16", "flac"])
async def test_real_speech(listening: Served, container: bool) -> None:
    rate, samples = speech.leg("fr", "agent")
    data = samples[: 12 * rate].astype("<i2").tobytes()
    options: dict[str, Any] = {"language": "fr", "smart_format": True, "sample_rate": rate}
    if container:
        data = (speech.CALLS / "fr" / "agent.flac").read_bytes()
        data = data[: len(data) // 5]
        options |= {"encoding": None, "sample_rate": None}
    async with streaming(listening.port, **options) as heard:
        for at in range(0, len(data), 16_000):
            await heard.socket.send_media(data[at : at + 16_000])
            await asyncio.sleep(0.02)
    seconds = heard.of("Metadata")[0].duration
    spoken = [u.text for u in speech.script("fr") if u.speaker == "agent" and u.end < seconds - 1]
    assert spoken
    assert speech.recall(" ".join(spoken), heard.text) > 0.7


async def test_times_do_not_depend_on_the_pace(listening: Served) -> None:
    """A client that sends a call at once gets its words where they were said."""
    rate, samples = speech.leg("fr", "agent")
    late = np.concatenate([np.zeros(8 * rate, np.int16), samples[: 24 * rate]])
    data = late.astype("<i2").tobytes()
    async with streaming(listening.port, language="fr", sample_rate=rate) as heard:
        for at in range(0, len(data), 6400):
            await heard.socket.send_media(data[at : at + 6400])
    lines = [u for u in speech.script("fr") if u.speaker == "agent" and u.end < 24]
    said = [f.channel.alternatives[0].words for f in heard.finals]
    begun = [words[0].start for words in said if words]
    for line in lines:
        assert min(abs(start - 8 - line.start) for start in begun) < 0.6, (line, begun)
