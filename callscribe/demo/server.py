"""A Callscribe server in a process of its own, for as long as it is wanted.

May import ``errors``, ``settings`` and ``client``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from callscribe.demo.client import Client
from callscribe.errors import CallscribeError, EngineError
from callscribe.settings import Settings

START = 180.0
"""Seconds that the server may take until it is ready: a model may have to be put together."""

LOADING = "being loaded"
"""What the server says of an engine that will be there soon."""

END = 75.0
"""Seconds that it may take to end."""


@contextlib.asynccontextmanager
async def running_server(
    settings: Settings, port: int, say: Callable[[str], None]
) -> AsyncIterator[Client]:
    """``callscribe serve`` on ``port`` of this machine, ready to listen; ended on the way out.

    ``say`` hears what is being waited for. ``EngineError`` with the server's last words if it does
    not come up.
    """
    with tempfile.TemporaryDirectory(prefix="callscribe-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "callscribe", "serve", "--host", settings.host,
                "--port", str(port), stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out,
                env=os.environ | _own() | _telephone(settings),
                start_new_session=True,  # Ctrl-C is for the demo, which then ends the server
            )  # fmt: skip
        try:
            keys = settings.api_keys
            client = Client(settings.host, port, keys[0].get_secret_value() if keys else None)
            await _wait_until_ready(client, process, log, say)
            yield client
        finally:
            await _end(process)


def _own() -> dict[str, str]:
    """What the server of a demo has of its own: nobody speaks any more when it is told to end."""
    return {"PYTHONUNBUFFERED": "1", "CALLSCRIBE_DRAIN": "0"}


def _telephone(settings: Settings) -> dict[str, str]:
    """The settings of the telephone that are not the environment's own."""
    token = settings.twilio_auth_token
    return {
        "CALLSCRIBE_TWILIO_AUTH_TOKEN": token.get_secret_value() if token is not None else "",
        "CALLSCRIBE_PUBLIC_URL": settings.public_url,
        "CALLSCRIBE_TWILIO_INBOUND": settings.twilio_inbound,
        "CALLSCRIBE_TWILIO_OUTBOUND": settings.twilio_outbound,
    }


async def _wait_until_ready(
    client: Client,
    process: asyncio.subprocess.Process,
    log: Path,
    say: Callable[[str], None],
) -> None:
    trouble = f"it took longer than {START:g} s"
    try:
        async with asyncio.timeout(START):
            trouble = await _look(client, process, say)
    except TimeoutError:
        pass
    except CallscribeError as error:
        trouble = error.message
    if trouble:
        words = await asyncio.to_thread(_end_of, log)
        raise EngineError(f"the server did not come up: {trouble}\n{words}")


async def _look(
    client: Client, process: asyncio.subprocess.Process, say: Callable[[str], None]
) -> str:
    """Waits until an engine can be used; what is wrong where none will be (empty: nothing)."""
    said = ""
    while process.returncode is None:
        with contextlib.suppress(OSError):
            backends = (await client.call("GET", "/api/status", patience=1.0))["backends"]
            if any(backend["available"] for backend in backends):
                return ""
            reason = next((b["reason"] for b in backends if b["name"] == "whisper"), "")
            if LOADING not in reason:
                return str(reason)
            if reason != said:
                said = reason
                say(reason)
        await asyncio.sleep(0.1)
    return "it ended"


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def free_port(host: str, wanted: int) -> int:
    """``wanted`` if nothing listens there, else any free port of the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server((host, port), family=family) as one:
            return int(one.getsockname()[1])
    raise EngineError(f"no port is free on {host}")
