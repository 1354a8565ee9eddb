"""Recordings from the command line."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import soxr

from callscribe.cli import transcribe as module
from callscribe.cli.transcribe import Form
from callscribe.demo.call import load_call
from callscribe.export import FORMATS
from callscribe.settings import Settings
from callscribe.wer import word_errors
from tests.cli.running import at_work, command, process, run
from tests.engines_for_tests import EnergyEngine
from tests.media_files import tones, write
from tests.speech import MODELS

from .test_recordings import Listener


class Engine(EnergyEngine, Listener):
    """Hears recordings and live legs."""

    def __init__(self) -> None:
        EnergyEngine.__init__(self)
        Listener.__init__(self)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    one = Engine()

    async def ready(_settings: Settings) -> Engine:
        return one

    monkeypatch.setattr(module, "_ready_engine", ready)
    return one


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write(tmp_path / "call.wav", tones(2, rate=8000), "pcm_mulaw", 8000)


def test_the_formats_are_those_of_export() -> None:
    assert [form.value for form in Form] == list(FORMATS)


def test_the_result_goes_to_standard_output(engine: Engine, call: Path) -> None:
    result = run("transcribe", str(call), "--speakers", "Ada, Bob", "--keyterm", "Livebox")
    assert result.exit_code == 0, result.output
    assert result.stdout == "[00:00:00] Ada: 3.0 seconds\n[00:00:01] Bob: 3.0 seconds\n"
    assert engine.calls == [("fr", ("Livebox",))] * 2
    assert engine.closed


def test_files_go_into_a_folder_each_in_its_format(
    engine: Engine, call: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other.flac", tones(), "flac", 16_000)
    folder = tmp_path / "out" / "vtt"
    result = run("transcribe", str(call), str(other), "-f", "vtt", "-o", str(folder), "-l", "en")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == ["call.vtt", "other.vtt"]
    assert "<v technician>3.0 seconds" in (folder / "call.vtt").read_text()
    assert {language for language, _ in engine.calls} == {"en"}


@pytest.mark.usefixtures("engine")
def test_one_bad_file_does_not_stop_the_others(call: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no sound at all")
    result = run("transcribe", str(tmp_path / "bad.wav"), str(tmp_path / "none.wav"), str(call))
    assert result.exit_code == 1
    assert "bad.wav is no audio or video file" in result.stderr
    assert "there is no file" in result.stderr
    assert result.stdout.startswith("== call\n[00:00:00] technician: ")


@pytest.mark.usefixtures("engine")
def test_what_cannot_work_is_said_before_any_work(call: Path, tmp_path: Path) -> None:
    twin = write(tmp_path / "call.flac", tones(), "flac", 16_000)
    kept = tmp_path / "kept.txt"
    kept.write_text("corrected by hand")
    for arguments, message in (
        (["-l", "tlh"], "unknown language 'tlh'"),
        ([str(twin), "-f", "srt"], "several srt files need a folder"),
        ([str(twin), "-o", str(tmp_path)], "have the same name"),
        (["-o", str(kept)], "--force"),
    ):
        result = run("transcribe", str(call), *arguments)
        assert result.exit_code == 1
        assert message in result.stderr
    assert kept.read_text() == "corrected by hand"
    assert run("transcribe", str(call), "-o", str(kept), "--force").exit_code == 0
    assert "3.0 seconds" in kept.read_text()


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_silence_is_said(tmp_path: Path, live: list[str]) -> None:
    path = write(tmp_path / "quiet.wav", np.zeros((1, 4000), np.int16), "pcm_s16le", 16_000)
    result = run("transcribe", str(path), *live, CALLSCRIBE_DATA_DIR=str(MODELS.parent))
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"No speech was heard in {path}" in result.stderr


@pytest.mark.usefixtures("engine")
def test_live_plays_it_and_shows_it(tmp_path: Path) -> None:
    sound = np.concatenate([tones(2, seconds=0.5), np.zeros((2, 8000), np.int16)], axis=1)
    path = write(tmp_path / "short.wav", sound, "pcm_s16le", 16_000)
    began = time.monotonic()
    result = run("transcribe", str(path), "--live", "-f", "json")
    assert time.monotonic() - began > 1.0
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {(u["speaker"], u["text"]) for u in said["utterances"]} == {
        ("technician", "f300"),
        ("agent", "f500"),
    }
    assert "[00:00] agent       f500" in result.stderr


@pytest.mark.slow
def test_a_real_call_is_written_down_by_whisper(tmp_path: Path) -> None:
    call = load_call("fr")
    legs = [
        soxr.resample(leg.samples, leg.rate, 16_000)[: 20 * 16_000]
        for leg in (call.legs["technician"], call.legs["agent"])
    ]
    path = write(tmp_path / "appel.mp3", np.stack(legs), "libmp3lame", 16_000)
    done = process(tmp_path / "data", "transcribe", str(path), "--format", "srt")
    assert done.returncode == 0, done.stderr
    shown = [event.plaintext for event in pysubs2.SSAFile.from_string(done.stdout, "srt")]
    lines = [line for cue in shown for line in (cue.split("\n- ") if cue[0] == "-" else [cue])]
    text = " ".join(
        line.partition(": ")[2].replace("\n", " ")
        for line in lines
        if line.removeprefix("- ").startswith("AGENT: ")
    )
    heard = word_errors(" ".join(call.legs["agent"].text.split()[: len(text.split())]), text)
    assert len(text.split()) > 20
    assert heard.rate < 0.3


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", tones(seconds=30), "pcm_s16le", 16_000)
    start = command("transcribe", "--live", str(path))
    with at_work(start, tmp_path / "data", patience=90) as running:
        time.sleep(8)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Error: stopped" in errors
    assert "Traceback" not in errors
