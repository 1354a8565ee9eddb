"""Sound out of files: forms, times, channels, and what is wrong with a bad one."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.errors import MediaError
from callscribe.media import LONGEST_GAP, Media, open_media, select

from .media_files import tones, write

FORMS = [
    ("mu-law.wav", "pcm_mulaw", 8_000, 1, False),
    ("linear.wav", "pcm_s16le", 8_000, 2, False),
    ("loss-less.flac", "flac", 16_000, 1, False),
    ("music.mp3", "libmp3lame", 44_100, 2, False),
    ("voice.ogg", "libopus", 48_000, 1, False),
    ("browser.webm", "libopus", 48_000, 1, False),
    ("film.mp4", "aac", 48_000, 2, True),
]


def read(media: Media, rate: int | None = None) -> NDArray[np.int16]:
    return np.concatenate(list(media.blocks(rate=rate)), axis=1)


def loudest_tone(samples: NDArray[np.int16], rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


@pytest.mark.parametrize(("name", "codec", "rate", "channels", "video"), FORMS)
def test_every_form_is_read_at_its_own_rate_and_at_another(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int, video: bool
) -> None:
    path = write(tmp_path / name, tones(channels, rate=rate), codec, rate, video=video)
    media = open_media(path)
    assert (media.channels, media.sample_rate) == (channels, rate)
    assert media.duration == pytest.approx(3.0, abs=0.03)
    for wanted in (None, 16_000):
        sound = read(media, wanted)
        heard_at = wanted or rate
        assert sound.dtype == np.int16
        assert sound.shape[1] / heard_at == pytest.approx(3.0, abs=0.03)
        for channel in range(channels):
            tone = loudest_tone(sound[channel], heard_at)
            assert tone == pytest.approx(300 + 200 * channel, abs=2)


def test_lossless_sound_comes_out_bit_by_bit(tmp_path: Path) -> None:
    sound = tones(2)
    path = write(tmp_path / "a.flac", sound, "flac", 16_000)
    assert np.array_equal(read(open_media(path)), sound)


def test_blocks_are_whole_but_the_last(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tones(seconds=1.03), "pcm_s16le", 16_000)
    blocks = list(open_media(path).blocks(seconds=0.25))
    assert [block.shape for block in blocks] == [(1, 4000)] * 4 + [(1, 480)]


def test_a_long_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros((1, 120 * 16_000), np.int16), "pcm_s16le", 16_000)
    blocks = open_media(path).blocks()
    frame = blocks.gi_frame
    next(blocks)
    assert sum(piece.shape[1] for piece in frame.f_locals["kept"]) < 10 * 16_000
    blocks.close()


def test_sound_that_begins_late_or_pauses_keeps_its_times(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for at, seconds in ((0, 1.0), (4, 1.0), (5, 0.5)):
            frame = av.AudioFrame.from_ndarray(tones(seconds=seconds), "s16", "mono")
            frame.rate, frame.pts = 16_000, at * 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = read(open_media(path))[0]
    assert len(sound) / 16_000 == pytest.approx(5.5, abs=0.01)
    assert np.abs(sound[:15_000]).max() > 7000
    assert not sound[17_000:63_000].any()
    assert np.abs(sound[64_000:]).max() > 7000


def test_a_gap_no_call_can_have_is_not_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for at in (0, int(LONGEST_GAP) + 10):
            frame = av.AudioFrame.from_ndarray(tones(seconds=1.0), "s16", "mono")
            frame.rate, frame.pts = 16_000, at * 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read(open_media(path)).shape[1] == 32_000


@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.wav", "pcm_mulaw"), ("a.flac", "flac")]
)
def test_a_file_that_breaks_off_gives_what_is_there_and_says_so(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = write(tmp_path / name, tones(), codec, 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    heard: list[NDArray[np.int16]] = []
    with pytest.raises(MediaError, match=r"breaks off: .* of 3\.0 s") as caught:
        heard.extend(open_media(path).blocks(seconds=0.1))
    assert caught.value.code == "truncated_media"
    assert sum(block.shape[1] for block in heard) > 0.25 * 3 * 16_000


def test_bad_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("not music at all " * 100)
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hosts\n#EXT-X-ENDLIST\n"
    )
    film = write(tmp_path / "film.mp4", tones(rate=48_000), "aac", 48_000, video=True)
    (tmp_path / "cut.mp4").write_bytes(film.read_bytes()[:2000])
    with av.open(str(tmp_path / "silent.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for name, message in (
        ("nowhere.wav", "there is no file"),
        (".", "is no file"),
        ("empty.wav", "is empty"),
        ("text.mp3", "is no audio or video file"),
        ("list.m3u8", "is no audio or video file"),
        ("cut.mp4", "is no audio or video file"),
        ("silent.mp4", "no audio track"),
    ):
        with pytest.raises(MediaError, match=message):
            open_media(tmp_path / name)


def test_a_recording_without_a_length_in_its_head_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tones(), "pcm_s16le", 16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = b"\xff" * 4
    path.write_bytes(data)
    assert read(open_media(path)).shape[1] == 48_000


def test_damage_in_the_middle_is_passed_over_or_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", tones(rate=44_100, seconds=10), "libmp3lame", 44_100)
    data = bytearray(path.read_bytes())
    data[40_000:40_400] = b"\xff" * 400
    path.write_bytes(data)
    assert read(open_media(path)).shape[1] / 44_100 == pytest.approx(10, abs=0.5)


def test_a_name_like_a_protocol_is_only_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.wav", tones(), "pcm_s16le", 16_000).rename(tmp_path / "concat:a.wav")
    monkeypatch.chdir(tmp_path)
    assert open_media("concat:a.wav").duration == pytest.approx(3.0)


def test_two_speakers_are_told_from_stereo(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    left, right = (rng.normal(0, 3000, 48_000).astype(np.int16) for _ in range(2))
    for name, pair, expected in (
        ("apart", (left, right), True),
        ("copy", (left, left), False),
        ("inverted", (left, -left), False),
        ("room", (left, (0.8 * left + 0.2 * right).astype(np.int16)), False),
        ("one silent", (left, np.zeros_like(left)), False),
    ):
        path = write(tmp_path / f"{name}.flac", np.stack(pair), "flac", 16_000)
        assert open_media(path).has_separate_speakers() is expected, name
    cut = tmp_path / "cut.flac"
    cut.write_bytes((tmp_path / "apart.flac").read_bytes()[:100_000])
    assert open_media(cut).has_separate_speakers()
    mono = write(tmp_path / "mono.wav", tones(), "pcm_s16le", 16_000)
    assert not open_media(mono).has_separate_speakers()


def test_channels_are_taken_one_by_one_or_mixed() -> None:
    block = np.array([[1, 2], [30_000, 32_766]], np.int16)
    assert select(block, 1).tolist() == [30_000, 32_766]
    assert select(block, None).tolist() == [15_000, 16_384]
    assert select(block[:1], None).tolist() == [1, 2]
