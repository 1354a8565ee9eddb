"""The gateways as processes: what each is started with, and how it says that it is there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.counting import CountingRelay
from benchmarks.relay.doors import TOKEN

ROOT: Final = Path(__file__).parent.parent.parent
PATIENCE: Final = 90.0
"""Seconds that a gateway may take to be there."""
GATEWAY_CORE, LOAD_CORE = 0, 1
STATUS: Final = "/api/status"


@dataclass(frozen=True, slots=True)
class Gateway:
    """How a gateway is started: ``{port}``, ``{sink}`` and ``{folder}`` are filled in."""

    name: str
    said: str
    """What a table calls it."""
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    door: str = "relay"
    ready: str = ""
    """What is asked by HTTP until it answers; empty: a port that accepts will do."""


CALLSCRIBE: Final = Gateway(
    name="callscribe",
    said="Callscribe, everything on",
    command=(sys.executable, "-m", "callscribe", "serve"),
    environment={
        "CALLSCRIBE_HOST": "127.0.0.1",
        "CALLSCRIBE_PORT": "{port}",
        "CALLSCRIBE_DATA_DIR": "{folder}",
        "CALLSCRIBE_DATABASE_URL": "",
        "CALLSCRIBE_API_KEYS": "",
        "CALLSCRIBE_PUBLIC_URL": "http://127.0.0.1:{port}",
        "CALLSCRIBE_TWILIO_AUTH_TOKEN": TOKEN,
        "DEEPGRAM_API_KEY": "key",
        "DEEPGRAM_BASE_URL": "{sink}",
        # 150 by default, as many as Deepgram lets in: with more, legs begin with the fallback.
        "CALLSCRIBE_DEEPGRAM_STREAMS": "0",
        # There is no such model, so none is loaded: only Deepgram listens here.
        "CALLSCRIBE_WHISPER_MODEL": "{folder}/no-model",
    },
    door="callscribe",
    ready=STATUS,
)
BARE: Final = (
    Gateway(
        "picows",
        "bare relay, picows",
        (sys.executable, "-m", "benchmarks.relay.bare_picows", "{port}", "{sink}"),
    ),
    Gateway(
        "websockets",
        "bare relay, websockets",
        (sys.executable, "-m", "benchmarks.relay.bare_websockets", "{port}", "{sink}"),
    ),
)

DIRECT: Final = Gateway("direct", "none: the measurement itself", (), door="direct")
"""No gateway: the load speaks to the sink."""


def pin(pid: int, core: int) -> None:
    """Keeps a process that has just begun on one core, where there are two: 0 is the first."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[core]})


@contextmanager
def sink(core: int = LOAD_CORE) -> Iterator[tuple[int, str]]:
    """A sink: its process id and its address."""
    command = [sys.executable, "-m", "benchmarks.relay.sink"]
    with _process(command, {}, core, subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield process.pid, f"ws://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def running(
    gateway: Gateway, sink_url: str, folder: Path, core: int = GATEWAY_CORE
) -> Iterator[tuple[int, int]]:
    """A gateway that is there: its process id and its port. What it says goes into ``folder``.

    Where there is no command, these are the sink's port, and 0.
    """
    if not gateway.command:
        yield 0, int(sink_url.rpartition(":")[2])
        return
    port = CountingRelay.free_port()
    values = {"port": port, "sink": sink_url, "folder": folder}
    command = [part.format(**values) for part in gateway.command]
    environment = {name: text.format(**values) for name, text in gateway.environment.items()}
    with (folder / "log").open("a") as log, _process(command, environment, core, log) as process:
        wait_until_there(gateway, port, process)
        yield process.pid, port


def wait_until_there(gateway: Gateway, port: int, process: subprocess.Popen[bytes]) -> float:
    """The seconds until a gateway has answered; ``RuntimeError`` where it does not."""
    began = time.monotonic()
    while process.poll() is None and time.monotonic() < began + PATIENCE:
        if answers(gateway.ready, port):
            return time.monotonic() - began
        time.sleep(0.02)
    raise RuntimeError(f"{gateway.name} did not start")


def answers(path: str, port: int) -> bool:
    """Whether a gateway is there."""
    try:
        if not path:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            said = answer.read()
    except OSError:
        return False
    return path != STATUS or _deepgram_is_there(json.loads(said))


def _deepgram_is_there(status: Mapping[str, Any]) -> bool:
    return any(one["name"] == "deepgram" and one["available"] for one in status["backends"])


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str], core: int, output: int | IO[str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=output,
        stderr=None if output is subprocess.PIPE else output,
    )
    pin(process.pid, core)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT if "serve" in command else signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
