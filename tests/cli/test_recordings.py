"""Recordings: who is on which channel, and what becomes of them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.cli.recordings import (
    Blocks,
    Channels,
    Job,
    plan,
    transcribe_recording,
    utterances,
)
from callscribe.errors import MediaError
from callscribe.media import open_media
from callscribe.transcript import Result
from tests.media_files import tones, write

pytestmark = pytest.mark.anyio


class Listener:
    """An engine that says how much it has heard, and how loud it was."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    async def transcribe_blocks(
        self,
        blocks: AsyncIterator[NDArray[np.float32]],
        language: str,
        *,
        keyterms: tuple[str, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> list[Result]:
        """Two finals: how many seconds were heard, and nothing."""
        self.calls.append((language, keyterms))
        heard = 0
        async for block in blocks:
            assert block.dtype == np.float32
            assert np.abs(block).max() <= 1
            heard += len(block)
            if on_progress is not None:
                on_progress(heard / 16_000)
        seconds = heard / 16_000
        return [
            Result(f" {seconds:.1f} seconds ", 0.5 * len(self.calls), seconds, True, True),
            Result("  ", 0, 0, True),
        ]


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    return write(tmp_path / "call.wav", tones(2, rate=8000), "pcm_mulaw", 8000)


def test_two_voices_are_two_speakers(stereo: Path) -> None:
    assert plan(stereo, Job("fr")).legs == (("technician", 0), ("agent", 1))
    assert plan(stereo, Job("fr", ("Ada",))).legs == (("Ada", 0), ("speaker-2", 1))
    assert plan(stereo, Job("fr", channels=Channels.MIX)).legs == (("speaker", None),)


def test_one_voice_is_one_speaker_unless_it_is_said(tmp_path: Path) -> None:
    same = np.repeat(tones(), 2, axis=0)
    path = write(tmp_path / "copy.flac", same, "flac", 16_000)
    assert plan(path, Job("fr", ("Ada",))).legs == (("Ada", None),)
    split = plan(path, Job("fr", channels=Channels.SPLIT))
    assert split.legs == (("technician", 0), ("agent", 1))
    mono = write(tmp_path / "mono.flac", tones(), "flac", 16_000)
    assert plan(mono, Job("fr", channels=Channels.SPLIT)).legs == (("speaker", None),)


async def test_every_leg_is_heard_whole(stereo: Path) -> None:
    engine = Listener()
    recording = plan(stereo, Job("fr", keyterms=("Livebox",)))
    transcript, trouble = await transcribe_recording(engine, recording)
    assert trouble == ""
    assert engine.calls == [("fr", ("Livebox",))] * 2
    assert transcript.session_id == "call"
    assert [(u.utterance_id, u.text) for u in transcript.utterances] == [
        ("technician-1", "3.0 seconds"),
        ("agent-1", "3.0 seconds"),
    ]


async def test_a_file_that_breaks_off_is_written_down_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tones(), "pcm_s16le", 16_000)
    path.write_bytes(path.read_bytes()[:64_044])
    transcript, trouble = await transcribe_recording(Listener(), plan(path, Job("fr")))
    assert transcript.text == "2.0 seconds"
    assert "breaks off: 2.0 s of 3.0 s" in trouble


async def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tones(), "pcm_s16le", 16_000)
    blocks = Blocks(open_media(path), None)
    path.unlink()
    with pytest.raises(MediaError):
        await anext(blocks.read())


def test_what_says_nothing_is_no_utterance() -> None:
    results = [Result(text, 0, 1, True) for text in ("un", " ", "deux")]
    assert [(u.utterance_id, u.text) for u in utterances("agent", results)] == [
        ("agent-1", "un"),
        ("agent-2", "deux"),
    ]
