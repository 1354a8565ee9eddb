"""The demo, from the command line to its table."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from callscribe.cli import demo as module
from callscribe.cli.demo import measured
from callscribe.demo.call import DemoCall, DemoLeg
from callscribe.demo.client import Client
from callscribe.demo.measure import LegReport
from callscribe.settings import Settings
from callscribe.wer import word_errors
from tests.cli.running import process, run
from tests.engines_for_tests import tones
from tests.serving import serving


def call(said: str = "f440 f660") -> DemoCall:
    """A call in tones, which the test engine hears."""
    legs = {
        "technician": DemoLeg(
            "technician", 8000, np.frombuffer(tones(440, 660, rate=8000), "<i2"), said
        ),
        "agent": DemoLeg("agent", 16_000, np.frombuffer(tones(880), "<i2"), "f880"),
    }
    return DemoCall("fr", "Tones", 1.7, legs)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo on a server that hears tones, in this process; gives the data folder."""

    @asynccontextmanager
    async def server(
        settings: Settings, _port: int, say: Callable[[str], None]
    ) -> AsyncIterator[Client]:
        with serving(settings) as served:
            say("the model is being loaded")
            yield Client("127.0.0.1", served.port)

    monkeypatch.setattr(module, "running_server", server)
    monkeypatch.setattr(module, "load_call", lambda _: call())
    return tmp_path


def test_a_call_is_played_shown_kept_and_measured(stage: Path) -> None:
    result = run("demo", CALLSCRIBE_DATA_DIR=str(stage))
    assert result.exit_code == 0, result.output
    out = result.stdout
    assert "Tones (2 s)" in out
    assert "/calls/twilio-CA" in out
    assert "[00:00] technician  f440" in out
    assert "[00:00] agent       f880" in out
    (folder,) = (stage / "transcripts").iterdir()
    assert f"Kept in {folder}: transcript.json, transcript.srt, transcript.txt" in out
    table = [line.split() for line in out.splitlines()[-2:]]
    assert [row[0] for row in table] == ["technician", "agent"]
    assert table[0][-4:] == ["2", "of", "2", "0.0%"]
    assert all(float(value) < 2 for value in table[0][1:8:2])


def test_words_that_do_not_come_through_are_a_failure(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_call", lambda _: call("rien de tout cela"))
    result = run("demo", "--no-page", CALLSCRIBE_DATA_DIR=str(stage))
    assert result.exit_code == 1
    assert "only 0 of the 4 words of technician" in result.stderr
    assert "/calls/" not in result.stdout


def test_a_transcript_that_was_not_kept_is_a_failure(stage: Path) -> None:
    (stage / "transcripts").write_text("in the way")
    result = run("demo", CALLSCRIBE_DATA_DIR=str(stage))
    assert result.exit_code == 1
    assert "has not been kept" in result.stderr


def test_the_table_has_dashes_where_nothing_was_measured() -> None:
    report = LegReport("agent", (), (1.25,), word_errors("un deux", "un"))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(measured([report]))
    row = captured.get().splitlines()[-1].split()
    assert row == ["agent", "–", "–", "1.25", "s", "1.25", "s", "1", "of", "2", "50.0%"]


def test_an_unknown_language_and_a_port_that_is_taken(stage: Path) -> None:
    with serving(Settings.model_validate({"data_dir": stage, "port": 0})) as served:
        result = run("demo", "--port", str(served.port))
    assert result.exit_code == 1
    assert f"port {served.port} is taken" in result.stderr


def test_a_language_without_a_call() -> None:
    result = run("demo", "--lang", "de")
    assert result.exit_code == 1
    assert "there are en, fr" in result.stderr


@pytest.mark.slow
def test_the_real_demo_with_whisper(tmp_path: Path) -> None:
    # Twice the pace of speech: the test need not take a minute.
    done = process(tmp_path, "demo", "--lang", "en", "--speed", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Kept in" in done.stdout
