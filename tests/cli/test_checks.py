"""What ``doctor`` looks at."""

import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import av
import pytest
from pydantic import SecretStr

from callscribe.cli import checks
from callscribe.cli.findings import State
from callscribe.settings import Settings, TranscriptionConfig
from tests.cli.running import ROOT
from tests.engines.whisper.test_models import write_files
from tests.serving import Served


def test_the_packages_are_those_that_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {
        re.split(r"[\[>]", entry)[0]
        for entry in project["dependencies"]
        if "sys_platform" not in entry
    }
    assert set(checks.PACKAGES) == needed
    assert checks.check_packages().state is State.GOOD


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PACKAGES", ("av", "no-such-package"))
    finding = checks.check_packages()
    assert finding.state is State.BAD
    assert "no-such-package" in finding.detail
    assert "requirements.txt" in finding.advice


def test_a_codec_that_is_missing_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_codecs().state is State.GOOD
    monkeypatch.setattr(av, "codecs_available", set(checks.DECODERS) - {"mp3"})
    assert checks.check_codecs().state is State.NOTE
    assert "mp3" in checks.check_codecs().detail


def test_little_memory_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_machine().state in (State.GOOD, State.NOTE)
    monkeypatch.setattr(checks.os, "sysconf", lambda _: 1024)
    assert checks.check_machine().state is State.NOTE


def test_the_configuration_file(settings: Settings) -> None:
    assert checks.check_configuration(settings).detail == "deepgram, language fr"
    settings.config_file.write_text('{"transcription_language": "tlh"}')
    finding = checks.check_configuration(settings)
    assert finding.state is State.BAD
    assert str(settings.config_file) in finding.detail
    assert checks.read_configuration(settings).transcription_language == "fr"
    settings.config_file.write_text('{"transcription_language": "en"}')
    assert checks.read_configuration(settings).transcription_language == "en"


def test_the_data_folder(settings: Settings, tmp_path: Path) -> None:
    assert checks.check_data_dir(settings).state is State.GOOD
    (tmp_path / "file").write_text("")
    inside = settings.model_copy(update={"data_dir": tmp_path / "file" / "data"})
    assert checks.check_data_dir(inside).state is State.BAD


def test_the_model(settings: Settings, tmp_path: Path) -> None:
    assert "as packages" in checks.check_model(settings).detail
    away = checks.check_model(settings.model_copy(update={"whisper_model": "owner/no-such-model"}))
    assert away.state is State.BAD
    assert "callscribe models fetch" in away.advice
    write_files(tmp_path / "models" / "whisper-base")
    broken = checks.check_model(settings)
    assert broken.state is State.BAD
    assert "callscribe models fetch" in broken.advice


@pytest.mark.parametrize("name", ["bse", "/no/such/folder"])
def test_a_model_that_is_nowhere_is_not_to_be_fetched(settings: Settings, name: str) -> None:
    finding = checks.check_model(settings.model_copy(update={"whisper_model": name}))
    assert finding.state is State.BAD
    assert name in finding.detail
    assert "CALLSCRIBE_WHISPER_MODEL" in finding.advice
    assert "base" in finding.advice
    assert "fetch" not in finding.advice


def test_a_folder_of_ones_own_is_not_to_be_deleted(settings: Settings, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine")
    (folder / "model.bin").unlink()
    finding = checks.check_model(settings.model_copy(update={"whisper_model": str(folder)}))
    assert finding.state is State.BAD
    assert "model.bin" in finding.detail
    assert "delete" not in finding.advice


def test_beyond_this_machine_only_with_keys(settings: Settings) -> None:
    assert checks.check_access(settings).state is State.GOOD
    everywhere = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    finding = checks.check_access(everywhere)
    assert finding.state is State.BAD
    assert "CALLSCRIBE_API_KEYS" in finding.advice
    assert "CALLSCRIBE_HOST=127.0.0.1" in finding.advice
    locked = everywhere.model_copy(update={"api_keys": (SecretStr("open"),)})
    assert checks.check_access(locked).detail == "0.0.0.0, 1 key"


def test_the_port(settings: Settings, served: Served) -> None:
    assert checks.check_address(settings).state is State.GOOD
    ours = settings.model_copy(update={"port": served.port})
    assert "Callscribe is running" in checks.check_address(ours).detail
    with socket.create_server(("127.0.0.1", 0)) as taken:
        theirs = settings.model_copy(update={"port": taken.getsockname()[1]})
        taken.settimeout(0)
        taken.listen(0)
        assert checks.check_address(theirs).state is State.BAD


def test_chromium_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "which", lambda _: None)
    assert checks.check_browser().state is State.NOTE
    monkeypatch.setattr(checks.shutil, "which", lambda name: f"/bin/{name}")
    assert checks.check_browser().detail == "/bin/chromium"


@pytest.mark.parametrize(
    ("config", "key", "state", "says"),
    [
        ({"transcription_backend": "whisper"}, "k", State.NOTE, "does not tell voices apart"),
        ({}, None, State.NOTE, "does not tell voices apart"),
        ({}, "k", State.GOOD, "told apart by Deepgram"),
        ({"deepgram_use_streaming": False}, "k", State.GOOD, "within each piece"),
    ],
)
def test_who_tells_voices_apart(
    settings: Settings, config: dict[str, Any], key: str | None, state: State, says: str
) -> None:
    here = settings.model_copy(update={"deepgram_api_key": SecretStr(key) if key else None})
    asked = TranscriptionConfig.model_validate({**config, "deepgram_diarize": True})
    (finding,) = checks.check_voices(here, asked)
    assert finding.state is state
    assert says in finding.detail
    assert not checks.check_voices(here, TranscriptionConfig.model_validate(config))
