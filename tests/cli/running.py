"""Runs commands: inside the test, or as a process of their own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def at_work(
    start: Sequence[str], data: Path, *, patience: float = 60.0, **more: str
) -> Iterator[subprocess.Popen[str]]:
    """A command line as a process of its own, to be ended by the test.

    It is killed where the test has not ended it, or not within ``patience`` seconds: a test that
    fails must not wait for it.
    """
    running = subprocess.Popen(
        start,
        cwd=ROOT,
        env=surroundings(data, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore SIGINT, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    late = threading.Timer(patience, running.kill)
    late.start()
    with running:
        try:
            yield running
        finally:
            late.cancel()
            running.kill()
