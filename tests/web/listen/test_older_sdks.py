"""The official Python SDK in versions that are still in use, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import speech
from tests.serving import Served
from tests.web.listen.conftest import KEY, spoken
from tests.web.listen.fetched import fetched, run

HERE = Path(__file__).parent / "older"
COMMON = {
    "model": "nova-3",
    "language": "fr",
    "encoding": "linear16",
    "sample_rate": 16_000,
    "utterance_end_ms": 1000,
}
RECORDING = {"model": "nova-3", "language": "fr", "smart_format": True, "utterances": True}


@dataclass(frozen=True)
class Version:
    """A version of the SDK, the script that speaks its ways, and what it streams with."""

    number: str
    script: str
    live: dict[str, Any] = field(default_factory=dict)
    closed_by_server: bool = True

    def __str__(self) -> str:
        return self.number


BOOLEANS = {"smart_format": True, "interim_results": True, "vad_events": True}
WORDS = dict.fromkeys(BOOLEANS, "true")
VERSIONS = [
    # Writes its booleans in small letters, and closes by itself.
    Version("4.8.1", "by_handlers.py", BOOLEANS | {"keyterm": ["fibre", "box"]}, False),
    # Takes text, and writes a list as Python would: ['fibre', 'box'].
    Version("5.3.0", "by_context.py", WORDS | {"keyterm": ["fibre", "box"]}),
    # Writes its booleans as Python would: True.
    Version("6.1.1", "by_context.py", BOOLEANS | {"keyterm": ["fibre", "box"]}),
]


def python_with(version: Version) -> Path:
    """The interpreter of an environment with this version alone."""
    lock = HERE / f"deepgram-sdk-{version}.txt"

    def build(folder: Path) -> None:
        # Our own pip fills it, and leaves to Python what is to be compiled: half the time.
        run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder]
        quick = ["--no-compile", "-q", "--retries=1", "--timeout=15"]
        run([*pip, "install", *quick, "-r", lock], folder)

    return fetched(f"python-{version}", lock, build) / "bin" / "python"


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_stream_a_recording_and_a_wrong_key(
    version: Version, listening: Served, told: Path
) -> None:
    job = {
        "http": listening.http,
        "ws": listening.ws,
        "key": KEY,
        "wav": str(told),
        "live": COMMON | version.live,
        "recording": RECORDING,
    }
    done = subprocess.run(
        [python_with(version), HERE / version.script, json.dumps(job)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check_live(answer["live"], version)
    found = answer["recording"]["results"]
    said = found["channels"][0]["alternatives"][0]["transcript"]
    assert speech.recall(spoken("agent", before=8.0), said) > 0.7
    assert found["utterances"]
    assert answer["refused"] == 401


def check_live(live: dict[str, Any], version: Version) -> None:
    """All that was asked for came, could be read, and is what was said."""
    assert not live["errors"]
    messages = live["messages"]
    kinds = {message["type"] for message in messages}
    assert kinds - {"Metadata", "UtteranceEnd"} == {"Results", "SpeechStarted"}
    results = [message for message in messages if message["type"] == "Results"]
    finals = [result for result in results if result["is_final"]]
    text = " ".join(final["channel"]["alternatives"][0]["transcript"] for final in finals)
    assert speech.recall(spoken("agent", before=8.0), text) > 0.7
    assert text != text.lower(), "smart_format was not understood"
    if version.closed_by_server:
        assert messages[-1]["type"] == "Metadata"
        assert live["code"] == 1000
    else:
        assert any(final["from_finalize"] for final in finals)
