"""The process: what it refuses to do, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.web import server as server_module
from callscribe.web.server import check_exposure
from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.ports import free_port
from tests.serving import AudioClient, Served

pytestmark = pytest.mark.anyio

PROGRAM = """
import sys
from callscribe.settings import Settings
from callscribe.web.server import create_server
from tests.engines_for_tests import energy_factory
create_server(Settings(), engine_factory=energy_factory).run()
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "calls.example"])  # noqa: S104
def test_without_keys_it_listens_to_this_machine_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_API_KEYS"):
        check_exposure(Settings.model_validate({"host": host}))
    check_exposure(Settings.model_validate({"host": host, "api_keys": "k"}))
    check_exposure(Settings.model_validate({"host": "127.0.0.1"}))
    with pytest.raises(ConfigurationError):
        server_module.run(Settings.model_validate({"host": host}))


async def test_draining_sends_the_last_words_before_the_sockets_close(
    served: Served, dial: Dial
) -> None:
    served.engine.close_delay = 0.3
    client = await dial()
    await client.audio(tones(440, gap=0.0))
    session_id = client.ready["session_id"]
    waiting = await connect(f"{served.ws}/ws/audio")  # has not started yet
    async with connect(f"{served.ws}/ws/sessions/{session_id}/events") as viewer:
        await client.send(type="nonsense")
        await client.until("error")
        served.stop()
        assert (await client.until("final"))["text"] == "f440"
        await client.until("ended")
        assert (await client.closed())[0] == 1012
        seen = [json.loads(await viewer.recv())["type"]]
        while seen[-1] != "session_ended":
            seen.append(json.loads(await viewer.recv())["type"])
        await viewer.wait_closed()
        assert viewer.close_code == 1012
    await waiting.wait_closed()
    await asyncio.to_thread(served.join)
    folder = served.context.settings.data_dir / "transcripts" / session_id
    assert "f440" in (folder / "transcript.txt").read_text()
    assert served.engine.closed


async def test_a_busy_loop_takes_many_connections_a_turn(served: Served) -> None:
    loop = served.server.servers[0].get_loop()
    assert type(loop).__module__.startswith("uvloop"), "another one takes all by itself"
    count, turns = 4 * server_module.ACCEPTED, 0
    over = threading.Event()

    def turn() -> None:
        nonlocal turns
        taken = len(served.server.server_state.connections)
        turns += taken > 0
        if taken < count and not over.is_set():
            time.sleep(0.02)
            loop.call_soon(turn)
        else:
            over.set()

    go = threading.Event()
    loop.call_soon_threadsafe(go.wait, 10)  # all are there before it goes on
    address = ("127.0.0.1", served.port)
    opened: list[socket.socket] = []
    try:
        opened += [await asyncio.to_thread(socket.create_connection, address) for _ in range(count)]
        loop.call_soon_threadsafe(turn)
        go.set()
        assert await asyncio.to_thread(over.wait, 20)
        assert len(served.server.server_state.connections) == count
        assert turns <= count / 2
    finally:
        go.set()
        for one in opened:
            one.close()


async def test_nobody_is_let_in_while_the_last_words_are_said(served: Served, dial: Dial) -> None:
    await dial()
    served.engine.close_delay = 2.0
    served.stop()

    async def knock() -> None:
        while True:
            address = ("127.0.0.1", served.port)
            (await asyncio.to_thread(socket.create_connection, address)).close()
            await asyncio.sleep(0.01)

    with pytest.raises(OSError, match="refused"):
        await asyncio.wait_for(knock(), 2.0)
    assert served.thread.is_alive()
    assert not served.engine.closed


async def test_a_drain_that_hangs_is_bounded(
    served: Served, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LAST_WORDS", 0.1)
    await dial()
    served.engine.close_delay = 1.0
    served.stop()
    await asyncio.to_thread(served.join)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_with_everything_kept(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    port = free_port()
    environment = {
        **os.environ,
        "CALLSCRIBE_PORT": str(port),
        "CALLSCRIBE_DATA_DIR": str(tmp_path),
        "CALLSCRIBE_DRAIN": "0.5",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - started once, waited for below
            [sys.executable, "-c", PROGRAM], env=environment, stdout=output, stderr=output
        )
    try:
        socket = await patiently(port)
        await socket.send('{"type": "start"}')
        await socket.recv()
        await socket.send(tones(440, gap=0.0))
        await socket.send('{"type": "keepalive"}')
        await asyncio.sleep(0.3)
        process.send_signal(number)
        texts = await all_of(socket)
        assert [m["text"] for m in texts if m["type"] == "final"] == ["f440"]
        assert texts[-1]["type"] == "ended"
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.glob("transcripts/*/transcript.txt"))


async def patiently(port: int) -> ClientConnection:
    deadline = time.monotonic() + 20
    while True:
        try:
            return await connect(f"ws://127.0.0.1:{port}/ws/audio")
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


async def all_of(socket: ClientConnection) -> list[dict[str, Any]]:
    client = AudioClient(socket)
    await client.closed()
    return client.messages


EXIT = """
import sys
import soxr
from callscribe.collector import leave_out
from callscribe.web.server import be_fair
if sys.argv[1] == "fair":
    be_fair()
class Leg: pass
leg = Leg()
leg.own, leg.stream = leg, soxr.ResampleStream(8000, 16000, 1)
leave_out()
del leg
"""


@pytest.mark.parametrize(("how", "complains"), [("fair", False), ("as it is", True)])
def test_at_the_exit_nobody_complains_of_what_was_left_out(how: str, complains: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", EXIT, how], check=True, capture_output=True, text=True
    )
    assert ("leaked" in ran.stderr) is complains
