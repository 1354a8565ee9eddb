"""The official JavaScript SDK, unmodified, against our server: from Node, and from a page."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests import speech
from tests.serving import Served
from tests.web.listen.conftest import KEY, spoken
from tests.web.listen.fetched import fetched, needs, run

HERE = Path(__file__).parent / "js"
OLDEST_NODE = 18
BRIEFLY = (
    "--no-audit",
    "--no-fund",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-timeout=30000",
)
LIVE = {
    "model": "nova-3",
    "language": "fr",
    "encoding": "linear16",
    "sample_rate": 16_000,
    "smart_format": "true",
    "interim_results": "true",
    "vad_events": "true",
    "utterance_end_ms": 1000,
    "keyterm": ["fibre", "box"],
}
RECORDING = {"model": "nova-3", "language": "fr", "smart_format": True, "utterances": True}

IN_A_PAGE = """async ({ws, credential}) => {
  const client = new Deepgram.DeepgramClient({
    ...credential,
    environment: {base: "http://nowhere.invalid", production: ws, agent: ws, agentRest: ws},
  });
  const socket = await client.listen.v1.connect(
    {model: "nova-3", encoding: "linear16", sample_rate: 16000, reconnectAttempts: 0});
  const kinds = [];
  const closed = new Promise((resolve) => socket.on("close", (event) => resolve(event.code)));
  socket.on("message", (message) => kinds.push(message.type));
  socket.connect();
  await socket.waitForOpen();
  const protocol = socket.socket.protocol;
  socket.sendMedia(new ArrayBuffer(32000));
  socket.sendCloseStream({type: "CloseStream"});
  return {code: await closed, protocol, kinds};
}"""


@pytest.fixture(scope="module")
def folder() -> Path:
    """Our client with the SDK beside it."""
    needs("node", "npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node is {version.stdout.strip()} here; the SDK needs {OLDEST_NODE}")

    def build(made: Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, made)
        run(["npm", "ci", "--ignore-scripts", *BRIEFLY], made)

    found = fetched("js", HERE / "package-lock.json", build)
    shutil.copy(HERE / "client.mjs", found)
    return found


def client(folder: Path, served: Served, **job: Any) -> list[dict[str, Any]]:
    """Runs the client; what it told, line by line."""
    job = {"http": served.http, "ws": served.ws, "key": KEY} | job
    done = subprocess.run(
        ["node", "client.mjs", json.dumps(job, default=str)],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_stream_and_a_recording(folder: Path, listening: Served, told: Path) -> None:
    lines = client(folder, listening, wav=told, live=LIVE, recording=RECORDING)
    assert [line["event"] for line in lines if line["event"] != "message"] == [
        "open",
        "close",
        "recording",
    ]
    messages = [line["message"] for line in lines if line["event"] == "message"]
    kinds = {message["type"] for message in messages}
    assert {"Results", "SpeechStarted", "Metadata"} <= kinds
    assert messages[-1]["type"] == "Metadata"
    results = [m for m in messages if m["type"] == "Results"]
    text = " ".join(r["channel"]["alternatives"][0]["transcript"] for r in results if r["is_final"])
    assert speech.recall(spoken("agent", before=8.0), text) > 0.7
    assert lines[-2]["code"] == 1000
    found = lines[-1]["body"]["results"]
    said = found["channels"][0]["alternatives"][0]["transcript"]
    assert speech.recall(spoken("agent", before=8.0), said) > 0.7
    assert found["utterances"]


def test_a_wrong_key_is_refused_once(folder: Path, listening: Served, told: Path) -> None:
    before = listening.sent["error"]
    lines = client(folder, listening, wav=told, key="wrong", live=LIVE, recording=RECORDING)
    refused = next(line for line in lines if line["event"] == "refused")
    assert (refused["status"], refused["body"]["err_code"]) == (401, "INVALID_AUTH")
    assert "401" in next(line for line in lines if line["event"] == "error")["message"]
    assert "open" not in [line["event"] for line in lines]
    assert listening.sent["error"] == before + 2


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The address of a page that is not our server's."""
    (tmp_path / "index.html").write_text("<!doctype html><title>A page from elsewhere</title>")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@pytest.mark.browser
@pytest.mark.parametrize("token", [False, True], ids=["key", "token"])
def test_a_page_brings_its_key_as_a_subprotocol(
    folder: Path, listening: Served, page: Page, elsewhere: str, *, token: bool
) -> None:
    """A browser lets pages set no header: the SDK's bundle for browsers uses subprotocols."""
    credential = {"apiKey": KEY}
    if token:
        granted = httpx.post(
            f"{listening.http}/v1/auth/grant", headers={"Authorization": f"Token {KEY}"}
        )
        credential = {"apiKey": "", "accessToken": granted.json()["access_token"]}
    page.goto(elsewhere)
    page.add_script_tag(path=folder / "node_modules/@deepgram/sdk/dist/browser/index.global.js")
    found = page.evaluate(IN_A_PAGE, {"ws": listening.ws, "credential": credential})
    assert found["protocol"] == ("bearer" if token else "token")
    assert found["kinds"][-1] == "Metadata"
    assert found["code"] == 1000


def test_the_lock_names_no_registry() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert not re.search(r"://|resolved", text)
    packages = json.loads(text)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)
