"""The file of the runtime configuration."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from callscribe.configuration import ConfigurationStore, write_atomically

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "transcription_config.json"


def test_without_a_file_the_defaults_hold(path: Path) -> None:
    config = ConfigurationStore(path).load()
    assert config.transcription_backend == "deepgram"
    assert config.transcription_language == "fr"
    assert config.deepgram_use_streaming is True
    assert not path.exists()


async def test_a_change_outlives_the_process(path: Path) -> None:
    changed = await ConfigurationStore(path).update({"transcription_language": "en"})
    assert changed.transcription_language == "en"
    assert ConfigurationStore(path).load() == changed
    assert json.loads(path.read_text())["transcription_language"] == "en"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "changes",
    [
        {"transcription_backend": "vosk"},
        {"transcription_language": "tlh"},
        {"unknown": 1},
        {"endpointing_ms": 1},
        {"transcription_language": "en", "interim_results": None},
    ],
)
async def test_a_wrong_change_changes_nothing(path: Path, changes: dict[str, object]) -> None:
    store = ConfigurationStore(path)
    before = store.current
    with pytest.raises(ValidationError):
        await store.update(changes)
    assert store.current == before
    assert not path.exists()


async def test_changes_at_the_same_time_are_all_kept(path: Path) -> None:
    store = ConfigurationStore(path)
    await asyncio.gather(
        store.update({"transcription_language": "en"}),
        store.update({"transcription_backend": "whisper"}),
        store.update({"endpointing_ms": 500}),
    )
    config = ConfigurationStore(path).load()
    assert (config.transcription_language, config.transcription_backend) == ("en", "whisper")
    assert config.endpointing_ms == 500


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"transcription_backend": "vosk"}', '{"x": 1}', "\x00\xff"]
)
def test_a_broken_file_is_said_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    with capture_logs() as logs:
        config = ConfigurationStore(path).load()
    assert config.transcription_backend == "deepgram"
    assert not path.exists()
    assert path.with_name(path.name + ".broken").read_text(encoding="latin-1") == text
    assert logs[0]["event"] == "configuration_unreadable"
    assert logs[0]["problems"]


async def test_a_disk_that_refuses_leaves_the_old_configuration(path: Path) -> None:
    store = ConfigurationStore(path)
    path.parent.write_text("a file where the folder should be")
    before = store.current
    with pytest.raises(OSError, match="data"):
        await store.update({"transcription_language": "en"})
    assert store.current == before


def test_writing_replaces_whole(path: Path) -> None:
    write_atomically(path, "one")
    write_atomically(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]
