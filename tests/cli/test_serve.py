"""The server from the command line."""

import asyncio
import io
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

from callscribe import collector
from callscribe.cli.house_checks import try_store
from callscribe.cli.serve import bind, page_address, show_banner
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings, TranscriptionConfig
from tests.cli.running import ROOT, at_work, command, run, surroundings

NOT_TO_WAIT_FOR = {
    "alembic": "a store that is current needs no migration",
    "asyncpg": "the store is SQLite",
    "av": "calls and recordings need it, no page does",
    "ctranslate2": "loaded in a thread, with the model",
    "faster_whisper": "loaded in a thread, with the model",
    "httpcore": "loaded in a thread, with the first request",
    "onnxruntime": "loaded in a thread",
    "pysubs2": "calls that end need it",
    "tokenizers": "loaded in a thread, with the model",
    "twilio.rest": "loaded in a thread, when Twilio is asked for something",
    "requests": "only Twilio's client needs it",
    "callscribe.chaos": "another command's",
    "callscribe.cli.doctor": "another command",
    "callscribe.cli.transcribe": "another command",
    "callscribe.demo": "another command's",
    "callscribe.media": "recordings need it",
}
"""Modules that ``serve`` does without until it has answered, and why."""

AS_FAR_AS_ITS_PAGE = """
import gc, json, sys
from callscribe.__main__ import main

def report(server, sockets):
    server.started = True
    print(json.dumps([sorted(sys.modules), gc.get_threshold(), gc.get_freeze_count()]))

import uvicorn
uvicorn.Server.run = report
main("serve", "--port", "0")
"""


def banner(missing: dict[str, str], **config: object) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    show_banner(
        console,
        Settings.model_validate({}),
        TranscriptionConfig.model_validate(config),
        missing,
        "http://localhost:8000/config",
    )
    return console.export_text()


def test_the_banner_says_what_serves_and_why() -> None:
    text = banner({"deepgram": "no DEEPGRAM_API_KEY: Whisper on this machine listens"})
    assert re.search(r"Backend +whisper \(no DEEPGRAM_API_KEY: Whisper on this machine lis", text)
    assert text.count("DEEPGRAM_API_KEY") == 1
    assert re.search(r"Language +Français \(fr\)", text)
    assert re.search(r"Streaming +on", text)
    assert re.search(r"Page +http://localhost:8000/config", text)


def test_the_banner_of_deepgram() -> None:
    text = banner({}, transcription_language="auto", deepgram_use_streaming=False)
    assert re.search(r"Backend +deepgram\n", text)
    assert re.search(r"Language +detected on each leg", text)
    assert re.search(r"Streaming +off", text)


def test_addresses_are_those_a_browser_takes() -> None:
    assert page_address("127.0.0.1", 8000) == "http://127.0.0.1:8000/config"
    assert page_address("0.0.0.0", 80, "/calls/x") == "http://localhost:80/calls/x"  # noqa: S104
    assert page_address("::1", 8000) == "http://[::1]:8000/config"


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} on 127.0.0.1 is taken"):
            bind(Settings.model_validate({"port": port}))
        result = run("serve", "--port", str(port))
    assert result.exit_code == 1
    assert "--port" in result.stderr


def test_addresses_that_are_none_are_said() -> None:
    with pytest.raises(ConfigurationError, match=r"no-such-host\.invalid is no address"):
        bind(Settings.model_validate({"host": "no-such-host.invalid"}))
    with pytest.raises(ConfigurationError, match=r"cannot listen on 203\.0\.113\.1"):
        bind(Settings.model_validate({"host": "203.0.113.1"}))


def test_the_world_is_let_in_only_with_keys() -> None:
    result = run("serve", "--host", "0.0.0.0", CALLSCRIBE_API_KEYS="")  # noqa: S104
    assert result.exit_code == 1
    assert "CALLSCRIBE_API_KEYS" in result.stderr


def test_a_model_that_cannot_be_used_is_said_below_the_banner(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    start = command("serve", "--port", "0")
    with at_work(start, tmp_path, patience=30, CALLSCRIBE_WHISPER_MODEL=str(folder)) as server:
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "started again" in line:
                break
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert server.returncode == 0
    said = "".join(lines)
    assert f"Whisper on this machine cannot be used: {folder} is not the folder" in said
    assert "it lacks: model.bin" in said
    assert "goes on, but refuses sessions" in said


@pytest.mark.parametrize("start", [command("serve"), [command()[0], "main.py"]])
def test_it_serves_until_ctrl_c(tmp_path: Path, start: list[str]) -> None:
    none = str(tmp_path / "none")
    with at_work([*start, "--port", "0"], tmp_path, CALLSCRIBE_WHISPER_MODEL=none) as server:
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "Page" in line:
                break
        page = re.search(r"(http://\S+)/config", "".join(lines))
        assert page is not None, lines
        for _ in range(100):
            try:
                address = f"{page[1]}/healthz"
                with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
                    assert json.load(answer) == {"status": "ok"}
                    break
            except OSError:
                continue
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "Traceback" not in log


def test_the_page_waits_for_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    keys = {"DEEPGRAM_API_KEY": "key", "CALLSCRIBE_TWILIO_AUTH_TOKEN": "token"}
    asyncio.run(try_store(str(tmp_path / "callscribe.db")))
    environment = surroundings(tmp_path, CALLSCRIBE_WHISPER_MODEL=str(tmp_path / "none"), **keys)
    done = subprocess.run(
        [sys.executable, "-c", AS_FAR_AS_ITS_PAGE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, threshold, frozen = json.loads(done.stdout.splitlines()[-1])
    assert "callscribe.engines.deepgram.service" in modules
    assert "callscribe.engines.whisper.service" in modules
    assert NOT_TO_WAIT_FOR.keys() & set(modules) == set()
    assert threshold == [collector.YOUNG, collector.GROWN, collector.NEVER]
    assert frozen > 100_000, "what has been loaded is left out of all looks"
