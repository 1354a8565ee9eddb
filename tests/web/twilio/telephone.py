"""A telephone for tests: what Twilio does, by hand, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callscribe.wire.g711 import samples_to_mulaw
from callscribe.wire.twilio import (
    Connected,
    Media,
    MediaBody,
    MediaFormat,
    Message,
    Start,
    StartBody,
    Stop,
    StopBody,
    encode,
)
from tests.engines_for_tests import tones
from tests.serving import Served

AUTH_TOKEN = "the-auth-token"  # noqa: S105 - of nobody
ACCOUNT = "AC" + "a" * 32
FRAME = 160


def call_sid() -> str:
    return f"CA{secrets.token_hex(16)}"


def mulaw(*frequencies: int) -> bytes:
    """Tones that the test engine hears, as a telephone sends them."""
    return samples_to_mulaw(np.frombuffer(tones(*frequencies, rate=8000), "<i2"))


def sign(url: str, form: Mapping[str, str], token: str = AUTH_TOKEN) -> dict[str, str]:
    signature: str = RequestValidator(token).compute_signature(url, form)
    return {"X-Twilio-Signature": signature}


async def post(
    served: Served,
    path: str,
    form: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    base: str = "",
) -> httpx.Response:
    """A form as Twilio posts it, signed unless there are other headers."""
    signed = sign(f"{base or served.http}{path}", form) if headers is None else headers
    async with httpx.AsyncClient() as client:
        return await client.post(f"{served.http}{path}", data=dict(form), headers=dict(signed))


async def ring(served: Served, sid: str, path: str = "/twilio/voice") -> ET.Element:
    """An incoming call: the TwiML that answers it."""
    answer = await post(served, path, {"CallSid": sid, "From": "+33612345678"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/xml")
    return ET.fromstring(answer.text)  # noqa: S314 - our own server's


def parameters(twiml: ET.Element) -> dict[str, str]:
    found = twiml.findall("./Start/Stream/Parameter")
    return {item.attrib["name"]: item.attrib["value"] for item in found}


@dataclass
class Line:
    """A media stream on its socket."""

    socket: ClientConnection
    sid: str
    stream_sid: str = field(default_factory=lambda: f"MZ{secrets.token_hex(16)}")

    @classmethod
    async def connect(cls, served: Served, sid: str) -> Line:
        """Connects and says no more than ``connected``."""
        line = cls(await connect(f"{served.ws}/twilio/media", compression=None), sid)
        await line.send(Connected())
        return line

    @classmethod
    async def dial(cls, served: Served, sid: str, given: dict[str, str], **start: Any) -> Line:
        """Connects and sends ``connected`` and ``start``."""
        line = await cls.connect(served, sid)
        await line.send(line.start(given, **start))
        return line

    def start(self, given: dict[str, str], **other: Any) -> Start:
        body = StartBody(
            call_sid=other.get("call_sid", self.sid),
            account_sid=ACCOUNT,
            stream_sid=self.stream_sid,
            tracks=other.get("tracks", ["inbound", "outbound"]),
            media_format=other.get("media_format", MediaFormat()),
            custom_parameters=given,
        )
        return Start(sequence_number=1, stream_sid=self.stream_sid, start=body)

    async def send(self, message: Message | str) -> None:
        """Sends, where somebody is there still; why nobody is, ``closed`` tells."""
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(message if isinstance(message, str) else encode(message))

    def media(self, track: str, number: int, audio: bytes) -> Media:
        """Frame ``number`` (from 0) of a track."""
        body = MediaBody(track=track, chunk=number + 1, timestamp=number * 20, payload=audio)
        return Media(sequence_number=number + 2, stream_sid=self.stream_sid, media=body)

    async def play(self, *, lose: range = range(0), **tracks: bytes) -> None:
        """All tracks side by side, as fast as it goes; frames in ``lose`` do not arrive."""
        for number in range(max(map(len, tracks.values())) // FRAME):
            for track, audio in tracks.items():
                piece = audio[number * FRAME : (number + 1) * FRAME]
                if len(piece) == FRAME and number not in lose:
                    await self.send(self.media(track, number, piece))

    async def stop(self) -> tuple[int, str]:
        """Ends as Twilio does; the close code and reason."""
        await self.send(
            Stop(stream_sid=self.stream_sid, stop=StopBody(call_sid=self.sid, account_sid=ACCOUNT))
        )
        return await self.closed()

    async def closed(self) -> tuple[int, str]:
        try:
            async with asyncio.timeout(20):
                await self.socket.recv()
        except ConnectionClosed:
            pass
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    def drop(self) -> None:
        """The network is gone."""
        self.socket.transport.abort()


async def until_ended(served: Served, session_id: str) -> list[dict[str, Any]]:
    """The durable events of a session that is about to end."""
    async with asyncio.timeout(20), httpx.AsyncClient(base_url=served.http) as client:
        while True:
            answer = await client.get(f"/api/sessions/{session_id}/events")
            events: list[dict[str, Any]] = answer.json()["events"] if answer.is_success else []
            if events and events[-1]["type"] == "session_ended":
                return events
            await asyncio.sleep(0.02)


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def finals(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["speaker"], e["text"]) for e in events if e["type"] == "final" and e["text"]]
