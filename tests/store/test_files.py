"""Transcripts as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callscribe.store.files import TranscriptFiles
from callscribe.transcript import Transcript, Utterance

pytestmark = pytest.mark.anyio


def transcript(session_id: str, text: str = "Bonjour.") -> Transcript:
    said = Utterance("agent-1", "agent", text, 0.0, 1.0, (), 0.9, "fr")
    return Transcript(session_id, [said])


async def test_every_format_is_there(tmp_path: Path) -> None:
    await TranscriptFiles(tmp_path / "transcripts").save(transcript("call-1"))
    folder = tmp_path / "transcripts" / "call-1"
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".srt", ".txt", ".vtt"]
    assert all("Bonjour." in path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert json.loads((folder / "transcript.json").read_text())


async def test_an_earlier_call_of_the_same_name_is_kept(tmp_path: Path) -> None:
    files = TranscriptFiles(tmp_path)
    for text in ("one", "two", "three"):
        await files.save(transcript("a:b", text))
    kept = {path.name: (path / "transcript.txt").read_text() for path in tmp_path.iterdir()}
    assert sorted(kept) == ["a_b", "a_b-2", "a_b-3"]
    assert "one" in kept["a_b"]


async def test_a_call_without_words_leaves_nothing(tmp_path: Path) -> None:
    await TranscriptFiles(tmp_path).save(Transcript("call"))
    assert not list(tmp_path.iterdir())


async def test_a_disk_that_refuses_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "transcripts").write_text("in the way")
    with pytest.raises(OSError, match="transcripts"):
        await TranscriptFiles(tmp_path / "transcripts").save(transcript("call"))
    assert [path.name for path in tmp_path.iterdir()] == ["transcripts"]
