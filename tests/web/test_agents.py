"""The agents over HTTP: real finals, a real webhook that fails, dead letters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from callscribe.settings import Settings
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio


@dataclass
class Receiver:
    """A webhook's other end."""

    status: int = 400
    events: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.events.append(self.headers["X-Callscribe-Signature"])
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def working(tmp_path: Path, receiver: Receiver) -> Iterator[Served]:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "port": 0,
            "watchlist": "f440;f880",
            "webhook_url": f"http://127.0.0.1:{receiver.port}/hook",
            "webhook_secret": SecretStr("shared"),
        }
    )
    with serving(settings) as served:
        yield served


def eventually(ask: Callable[[], Any]) -> Any:
    """What ``ask`` gives once it gives something."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


async def test_results_failures_and_dead_letters(working: Served, receiver: Receiver) -> None:
    with httpx.Client(base_url=working.http + "/api", timeout=20) as api:
        api.post("/sessions", json={"session_id": "call"})
        client = await AudioClient.start(working, session_id="call", speaker="agent")
        await client.audio(tones(440))
        await client.hang_up()

        def letters() -> Any:
            return api.get("/agents/letters").json()["letters"]

        (letter,) = eventually(letters)
        assert (letter["agent"], letter["session_id"]) == ("webhook", "call")
        assert api.get("/agents/letters", params={"agent": "watchlist"}).json() == {"letters": []}
        (alert,) = eventually(lambda: api.get("/sessions/call/results").json()["results"])
        assert (alert["agent"], alert["kind"]) == ("watchlist", "alert")
        assert alert["utterance_ids"] == ["agent-1"]
        kinds = [e["type"] for e in api.get("/sessions/call/events").json()["events"]]
        assert kinds.count("agent_result") == 1
        assert kinds.count("agent_failed") == 1
        again = api.post(f"/agents/letters/{letter['letter_id']}/replay").json()
        assert again == {"handled": False}
        receiver.status = 204
        again = api.post(f"/agents/letters/{letter['letter_id']}/replay").json()
        assert again == {"handled": True}
        assert letters() == []
        assert all(signature.startswith("t=") for signature in receiver.events)
        agents = {a["name"]: a for a in api.get("/agents").json()["agents"]}
        assert agents["webhook"]["failed"] == 1
        assert agents["watchlist"]["handled"] >= 1
        for refused in (
            api.post("/agents/letters/none/replay"),
            api.delete("/agents/letters/none"),
        ):
            assert (refused.status_code, refused.json()["code"]) == (404, "no_such_letter")


async def test_a_dead_letter_is_forgotten(working: Served) -> None:
    with httpx.Client(base_url=working.http + "/api", timeout=20) as api:
        api.post("/sessions", json={"session_id": "call"})
        client = await AudioClient.start(working, session_id="call", speaker="agent")
        await client.audio(tones(440))
        await client.hang_up()
        (letter,) = eventually(lambda: api.get("/agents/letters").json()["letters"])
        assert api.delete(f"/agents/letters/{letter['letter_id']}").status_code == 204
        assert api.get("/agents/letters").json() == {"letters": []}
