"""Audio of every form, read as it comes."""

from __future__ import annotations

import io
import time

import av
import numpy as np
import pytest

from callscribe.audio import Int16Array
from callscribe.errors import AudioError
from callscribe.web.listen.incoming import Container, Incoming, open_incoming
from callscribe.web.listen.plan import make_plan
from callscribe.wire.deepgram_query import ListenQuery

TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)).astype(np.int16)
"""Three seconds."""


def incoming(**query: object) -> Incoming:
    return open_incoming(make_plan(ListenQuery(**query), streaming=True))  # type: ignore[arg-type]


def coded(form: str, codec: str, rate: int = 48_000) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(TONE[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return out.getvalue()


def read(reader: Incoming, pieces: list[bytes]) -> Int16Array:
    blocks = [block for piece in pieces for block in reader.push(piece)]
    blocks += reader.finish()
    reader.close()
    return np.concatenate(blocks, axis=1)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 640, 100_000])
def test_raw_samples_come_through_however_they_are_cut(size: int) -> None:
    data = TONE[:4000].astype("<i2").tobytes()
    found = read(incoming(encoding="linear16", sample_rate=16_000), cut(data, size))
    assert np.array_equal(found[0], TONE[:4000])


def test_channels_are_taken_apart() -> None:
    both = np.stack([TONE, -TONE], axis=1).astype("<i2").tobytes()
    found = read(incoming(encoding="linear16", sample_rate=16_000, channels=2), cut(both, 999))
    assert np.array_equal(found[0], TONE)
    assert np.array_equal(found[1], -TONE)


def test_floats_that_are_none_are_silence() -> None:
    data = np.array([0.5, np.nan, np.inf, -9.0], "<f4").tobytes()
    found = read(incoming(encoding="linear32", sample_rate=16_000), [data])
    assert found[0].tolist() == [16383, 0, 32767, -32767]


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("flac", "flac", 16_000),
        ("wav", "pcm_s16le", 16_000),
        ("mp3", "libmp3lame", 44_100),
    ],
)
def test_containers_as_they_come(form: str, codec: str, rate: int) -> None:
    found = read(Container(), cut(coded(form, codec, rate), 1000))
    assert found.shape[1] == pytest.approx(len(TONE), abs=2500)
    middle = found[0, 16_000:32_000].astype(float)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(880, abs=4)


def test_a_container_is_heard_before_it_ends() -> None:
    reader = Container()
    data = coded("ogg", "libopus")
    seen = 0
    for piece in cut(data[: len(data) // 2], 500):
        seen += sum(block.shape[1] for block in reader.push(piece))
        time.sleep(0.01)
    reader.close()
    assert seen > 8_000


def test_opus_packets() -> None:
    with av.open(io.BytesIO(coded("ogg", "libopus"))) as source:
        packets = [bytes(packet) for packet in source.demux(audio=0) if packet.size]
    found = read(
        incoming(encoding="opus", sample_rate=48_000), [*packets[:5], b"\xff", *packets[5:]]
    )
    assert found.shape[1] == pytest.approx(len(TONE), abs=2000)


def test_what_is_no_audio_is_said_and_the_thread_ends() -> None:
    reader = Container()
    reader.push(b"words, words " * 8000)
    with pytest.raises(AudioError) as caught:
        reader.finish()
    assert caught.value.code == "undecodable"


def test_packets_that_are_none() -> None:
    reader = incoming(encoding="opus", sample_rate=48_000)
    for _ in range(3):
        reader.push(b"\xff\xff\xff\xff")
    with pytest.raises(AudioError):
        reader.push(b"\xff\xff\xff\xff")


def test_nothing_at_all_is_no_error() -> None:
    assert Container().finish() == []
