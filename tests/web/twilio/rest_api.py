"""A hand-made api.twilio.com, for what the real one does only when it is in trouble."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.web.twilio.telephone import ACCOUNT, AUTH_TOKEN


@dataclass
class Api:
    """What was asked of it, and what it answers."""

    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; without, all is well."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Streams that were to be started: path and form."""
    looked_at: list[str] = field(default_factory=list)
    """Paths of calls whose state was asked for."""
    states: dict[str, str] = field(default_factory=dict)
    """The state of a call by its CallSid, where it is not in progress."""
    answering: threading.Event = field(default_factory=threading.Event)
    """While this is not set, it hangs."""
    url: str = ""

    def client(self, timeout: float = 5) -> Client:
        return client_of(self.url, timeout)

    def body(self, path: str) -> tuple[int, dict[str, Any]]:
        """What is answered now."""
        status = self.answers.pop(0) if self.answers else 200
        if status >= 400:
            return status, {"code": 21220, "message": "no", "status": status}
        sid = path.rpartition("/")[2].removesuffix(".json")
        return status, {"sid": f"MZ{len(self.asked):032x}", "status": self.states.get(sid, RUNS)}


RUNS = "in-progress"


def client_of(url: str, timeout: float = 5) -> Client:
    """Twilio's own client, for the API at this address."""

    class Here(TwilioHttpClient):  # type: ignore[misc]
        def request(self, method: str, address: str, *args: Any, **named: Any) -> Any:
            here = address.replace("https://api.twilio.com", url)
            return super().request(method, here, *args, **named)

    return Client(ACCOUNT, AUTH_TOKEN, http_client=Here(timeout=timeout, pool_connections=False))


@contextmanager
def serving_api() -> Iterator[Api]:
    """Serves until the block ends."""
    api = Api()
    api.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            api.asked.append((self.path, dict(parse_qsl(body))))
            self.answer()

        def do_GET(self) -> None:
            api.looked_at.append(self.path)
            self.answer()

        def answer(self) -> None:
            assert self.headers["Authorization"].startswith("Basic ")
            api.answering.wait()
            status, answer = api.body(self.path)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    class Threads(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Who asked has gone meanwhile."""

    with Threads(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            api.answering.set()
            server.shutdown()
            thread.join()
