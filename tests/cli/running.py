"""Runs commands: inside the test, or as a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from callscribe.cli.app import app

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str, **environment: str) -> Result:
    """A command inside this process, in plain text and wide enough for every line."""
    wide = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return CliRunner().invoke(app, list(arguments), env={**wide, **environment})


def command(*arguments: str) -> list[str]:
    """The command line for a process of its own."""
    return [sys.executable, "-m", "callscribe", *arguments]


def surroundings(data: Path, **more: str) -> dict[str, str]:
    """The environment for such a process: no settings but these."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CALLSCRIBE_", "DEEPGRAM_"))}
    return {**clean, "CALLSCRIBE_DATA_DIR": str(data), "PYTHONUNBUFFERED": "1", **more}


def process(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as a process of its own to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=surroundings(data, **more),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
