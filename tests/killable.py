"""A real server in a process of its own, that a test may kill without a warning."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from callscribe.settings import Settings
from tests.ports import free_port
from tests.web.twilio.telephone import ACCOUNT

HEARS_TONES = "--tones"
TWILIO = "--twilio="


@dataclass
class Killable:
    """A server process on a port of its own."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As the kernel kills when memory is out: nothing is flushed, nobody is told."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """As an operator stops it."""
        self.process.terminate()
        assert self.process.wait(90) == 0


def start(
    data: Path,
    *,
    tones: bool,
    url: str = "",
    auth_token: str = "",
    twilio: str = "",
    port: int = 0,
    patience: float = 60.0,
    drain: float = 0.0,
) -> Killable:
    """Starts a server over this data folder, and waits until it serves.

    With ``tones`` it hears tones instead of speech, which needs no model. ``twilio`` is the address
    of a hand-made API of Twilio's. ``port`` is that of a server that was killed. ``drain`` is how
    long (s) calls may go on when it is stopped.
    """
    port = port or free_port()
    environment = {
        **os.environ,
        "CALLSCRIBE_DATA_DIR": str(data),
        "CALLSCRIBE_PORT": str(port),
        "CALLSCRIBE_DATABASE_URL": url,
        "CALLSCRIBE_DRAIN": str(drain),
        "CALLSCRIBE_LOG_LEVEL": "warning",
        "CALLSCRIBE_TWILIO_AUTH_TOKEN": auth_token,
        "CALLSCRIBE_TWILIO_ACCOUNT_SID": ACCOUNT if twilio else "",
        "CALLSCRIBE_PUBLIC_URL": f"http://127.0.0.1:{port}" if twilio else "",
        "DEEPGRAM_API_KEY": "",
    }
    command = [sys.executable, "-m", "tests.killable", *([HEARS_TONES] if tones else [])]
    if twilio:
        command.append(f"{TWILIO}{twilio}")
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, env=environment)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return Killable(process, port)
    process.kill()
    raise AssertionError("the server did not begin to serve")


def main() -> None:
    """The process."""
    from callscribe.engines import create_engine
    from callscribe.web.server import create_server
    from tests.engines_for_tests import energy_factory
    from tests.web.twilio.rest_api import client_of

    factory = energy_factory if HEARS_TONES in sys.argv else create_engine
    server = create_server(Settings(), engine_factory=factory)
    for word in sys.argv:
        if word.startswith(TWILIO):
            door = server.config.app.state.context.twilio
            door.rest.make_client = partial(client_of, word.removeprefix(TWILIO))
    server.run()


if __name__ == "__main__":
    main()
