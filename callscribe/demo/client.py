"""A program that speaks with a Callscribe server: plays legs, follows a session's events.

May import ``errors``, ``absence``, ``leg``, ``wire.browser``.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from callscribe.demo.absence import Absence, Tries
from callscribe.demo.leg import FRAME, PATIENCE, PlayedLeg, first_of
from callscribe.errors import CallscribeError, EngineError
from callscribe.media import Int16Array
from callscribe.wire.browser import Ended, Failure, Start

__all__ = ["FRAME", "PATIENCE", "Client", "first_of", "refusal"]


class Client:
    """The way to one server. ``key`` is one of its keys, where it wants one.

    ``base`` is the server's whole address (``https://calls.example.com``) where it is not on a port
    of a host.
    """

    def __init__(self, host: str, port: int, key: str | None = None, *, base: str = "") -> None:
        self.http = base.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.ws = f"ws{self.http.removeprefix('http')}"
        self._key = key

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> dict[str, Any]:
        """A request to the HTTP API, answered within ``patience`` seconds.

        ``OSError`` without a server, ``CallscribeError`` for a no.
        """
        return await asyncio.to_thread(self._call, method, path, body, patience)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, patience: float
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.http}{path}", data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(error) from error
        return found if isinstance(found, dict) else {}

    async def persist(
        self, method: str, path: str, absence: Absence | None = None
    ) -> dict[str, Any]:
        """As ``call``; a server that is away is tried again."""
        tries = Tries(absence)
        while True:
            try:
                answer = await self.call(method, path)
            except OSError as error:
                await tries.again(error)
            else:
                tries.reached()
                return answer

    async def events(
        self, session_id: str, absence: Absence | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """All events of a session to its end, in their JSON form, each durable one once.

        ``EngineError`` where the server goes away before that, and does not come back.
        """
        tries, since = Tries(absence), 0
        while True:
            try:
                async with self.connect(f"/ws/sessions/{session_id}/events?since={since}") as line:
                    async for text in line:
                        tries.reached()
                        event = json.loads(text)
                        if event["type"] == Failure.type:
                            raise CallscribeError(event["message"], code=event["code"])
                        since = max(since, event["seq"])
                        yield event
                        if event["type"] == "session_ended":
                            return  # its agents may go on for minutes
            except (ConnectionClosed, OSError, InvalidHandshake) as error:
                gone = EngineError(
                    f"the server went away ({error}); what it had told by then is kept, and can "
                    f"be read at /calls/{session_id} when it is back"
                )
                await tries.again(gone)
            else:
                return

    async def play(
        self,
        start: Start,
        samples: Int16Array,
        ready: Callable[[], Awaitable[float]],
        *,
        speed: float = 1.0,
        absence: Absence | None = None,
    ) -> Ended:
        """Plays a leg: ``samples`` in frames of 20 ms, ``speed`` times as fast as spoken.

        ``ready`` is awaited when the server is and gives the moment on the loop's clock at which
        the first sample is spoken. Returns when the last words are out; ``CallscribeError`` if the
        server gives up before that. With ``absence`` a leg whose server goes away is resumed.
        """
        return await PlayedLeg(self, start, samples, speed).play(ready, absence)

    def connect(self, path: str) -> connect:
        """A socket, with the key."""
        protocols = None
        if self._key is not None:
            protocols = [Subprotocol("token"), Subprotocol(self._key)]
        return connect(
            f"{self.ws}{path}",
            subprotocols=protocols,
            compression=None,
            proxy=None,
        )


def refusal(error: urllib.error.HTTPError) -> CallscribeError:
    """What the server says no with, in its own words."""
    try:
        problem = json.load(error)
        return CallscribeError(str(problem["message"]), code=str(problem["code"]))
    except (ValueError, KeyError, TypeError):
        return CallscribeError(f"the server answered {error.code} {error.reason}")
