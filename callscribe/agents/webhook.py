"""Posts finals, and the end of a call, to an address, signed. May import ``agents.base`` and core.

The signature is that of the time and the body, so that a receiver knows who sent it and when.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from callscribe.agents.base import Call, Finding
from callscribe.errors import ConfigurationError, UpstreamError
from callscribe.events import FinalResult

DEADLINE = 10.0
"""Seconds that a receiver may take."""

CONNECTIONS = 32
"""Connections in the one pool."""

READ = 65_536
"""Bytes of an answer that are read so that its connection can be used again."""


def sign(secret: str, at: int, body: bytes) -> str:
    """The value of ``X-Callscribe-Signature`` for a body sent at a time (UNIX s)."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def check_address(url: str, setting: str) -> str:
    """An address of HTTP as it is; ``ConfigurationError`` for anything else."""
    try:
        parsed = urlsplit(url)
    except ValueError:
        parsed = urlsplit("")
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise ConfigurationError(f"{setting} has to be an address: https://… or http://…")
    return url


class WebhookAgent:
    """Sends each final until the receiver has said that it has it."""

    name = "webhook"

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        deadline: float = DEADLINE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = check_address(url, "CALLSCRIBE_WEBHOOK_URL")
        if not secret:
            raise ConfigurationError(
                "CALLSCRIBE_WEBHOOK_SECRET is not set: the receiver needs it to know who sends"
            )
        self._secret = secret
        self._clock = clock
        self.deadline = deadline
        self._client = httpx.AsyncClient(
            timeout=deadline, limits=httpx.Limits(max_connections=CONNECTIONS)
        )

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:  # noqa: ARG002
        """Posts a final; the finding says that it was delivered."""
        return [await self._deliver(f"{final.session_id}:{final.seq}", final.to_dict())]

    async def finish(self, call: Call) -> Sequence[Finding]:
        """Posts the end of a call with all that was said."""
        utterances = [
            {
                "utterance_id": said.utterance_id,
                "speaker": said.speaker,
                "start": round(said.start, 3),
                "end": round(said.end, 3),
                "text": said.text,
            }
            for said in call.transcript.utterances
        ]
        told = {"type": "session_ended", "session_id": call.session_id, "utterances": utterances}
        return [await self._deliver(f"{call.session_id}:end", told)]

    async def close(self) -> None:
        """Closes the pool. Idempotent."""
        await self._client.aclose()

    async def _deliver(self, event_id: str, event: dict[str, Any]) -> Finding:
        message = {"id": event_id, "event": event}
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "callscribe",
            "X-Callscribe-Event": quote(event_id, safe=":"),
            "X-Callscribe-Signature": sign(self._secret, int(self._clock()), body),
        }
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers
            ) as answer:
                await _read(answer)
        except httpx.HTTPError as error:
            raise UpstreamError(
                f"the webhook cannot be reached ({type(error).__name__}): is it running?",
                code="webhook_unreachable",
                retryable=True,
            ) from error
        if not answer.is_success:
            raise _refusal(answer.status_code)
        return Finding(kind="delivery", key=event_id, body={"status": answer.status_code})


async def _read(answer: httpx.Response) -> None:
    """Reads a little of an answer: nobody wants it, but its connection."""
    size = 0
    async for piece in answer.aiter_raw():
        size += len(piece)
        if size > READ:
            return


def _refusal(status: int) -> UpstreamError:
    final = 400 <= status < 500 and status not in (408, 429)
    if final:
        what = "it refuses this event: mend the receiver, then replay the dead letter"
    else:
        what = "the event is sent again"
    return UpstreamError(
        f"the webhook answered {status}; {what}",
        code="webhook_refused" if final else "webhook_unavailable",
        retryable=not final,
    )
