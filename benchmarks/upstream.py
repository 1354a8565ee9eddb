"""Our own server in Deepgram's place: a process that can be killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.counting import CountingRelay

PATIENCE = 90.0
"""Seconds that it may take to serve."""
ROOT = Path(__file__).parent.parent


class Upstream:
    """A server on a port that it keeps when it is started again."""

    def __init__(self, command: Sequence[str], folder: Path, legs: int) -> None:
        self.port = CountingRelay.free_port()
        self._command = [sys.executable, "-m", *command]
        self._environment = {
            **os.environ,
            "CALLSCRIBE_PORT": str(self.port),
            "CALLSCRIBE_DATA_DIR": str(folder),
            "CALLSCRIBE_MAX_LEGS": str(legs),
            "CALLSCRIBE_LOG_LEVEL": "error",
            "CALLSCRIBE_DATABASE_URL": "",
            "DEEPGRAM_API_KEY": "",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process; ``is_ready`` says when it serves."""
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """As the kernel kills: nothing is flushed, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def is_ready(self) -> bool:
        """Whether it serves."""
        address = f"http://127.0.0.1:{self.port}/api/status"
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                return any(backend["available"] for backend in json.load(answer)["backends"])
        except OSError:
            return False

    def wait(self) -> None:
        """Waits until it serves."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise SystemExit("our own server did not start")
            time.sleep(0.2)

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def upstream(
    *command: str, models: Path | None = None, legs: int = 8, folder: Path | None = None
) -> Iterator[Upstream]:
    """A server that serves, with a data folder of its own."""
    with TemporaryDirectory() as own:
        data = folder or Path(own)
        if models is not None:
            (data / "models").symlink_to(models.resolve())
        server = Upstream(command, data, legs)
        server.start()
        try:
            server.wait()
            yield server
        finally:
            server.stop()
