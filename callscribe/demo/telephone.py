"""A telephone: rings at a server as Twilio does and plays audio into it.

May import ``errors``, ``absence``, ``client``, ``leg``, ``media``, ``wire``.
"""

from __future__ import annotations

import asyncio
import secrets
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from callscribe.demo.absence import Absence, Tries
from callscribe.demo.client import FRAME, PATIENCE, Client, refusal
from callscribe.demo.leg import PASSING
from callscribe.errors import CallscribeError, EngineError
from callscribe.media import Int16Array
from callscribe.wire.g711 import samples_to_mulaw
from callscribe.wire.twilio import (
    RATE,
    Connected,
    Media,
    MediaBody,
    Message,
    Start,
    StartBody,
    Stop,
    StopBody,
    encode,
)

ACCOUNT = "AC" + "0" * 32
"""The account that the made-up calls belong to."""

SIZE = round(FRAME * RATE)
"""Bytes of a frame: a mu-law byte for each sample."""

TRACKS = ("inbound", "outbound")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the TwiML says: where the stream goes, and with what."""

    path: str
    parameters: Mapping[str, str]


class Telephone:
    """One call to the server that ``client`` leads to.

    ``auth_token`` is the server's own, ``public_url`` the address that it knows itself by; without,
    the one at which it is called.
    """

    def __init__(self, client: Client, auth_token: str, public_url: str = "") -> None:
        self.call_sid = f"CA{secrets.token_hex(16)}"
        self._client = client
        self._auth_token = auth_token
        self._public_url = public_url or client.http
        self._stream_sid = f"MZ{secrets.token_hex(16)}"
        self._count = 0
        self._language = ""
        self._begin: float | None = None

    @property
    def session_id(self) -> str:
        """The session that the server makes of the call."""
        return f"twilio-{self.call_sid}"

    async def ring(self, language: str = "") -> Answer:
        """Rings; what the server wants done with the call.

        ``OSError`` without a server, ``CallscribeError`` for a no.
        """
        self._language = language
        query = f"?{urlencode({'language': language})}" if language else ""
        text = await asyncio.to_thread(self._post, f"/twilio/voice{query}")
        try:
            stream = ET.fromstring(text).find("./Start/Stream")  # noqa: S314
        except ET.ParseError as error:
            raise EngineError("the server answered the call with something else") from error
        if stream is None:
            raise EngineError("the server answered the call without asking for its stream")
        given = {item.attrib["name"]: item.attrib["value"] for item in stream.findall("Parameter")}
        prefix = urlsplit(self._public_url).path  # it is the proxy's, where there is one
        return Answer(urlsplit(stream.attrib["url"]).path.removeprefix(prefix), given)

    async def play(
        self,
        answer: Answer,
        tracks: Mapping[str, Int16Array],
        ready: Callable[[], Awaitable[float]],
        hang_up: asyncio.Event | None = None,
        *,
        speed: float = 1.0,
        absence: Absence | None = None,
    ) -> None:
        """Plays the tracks (8 kHz) side by side, ``speed`` times as fast as spoken, and hangs up.

        ``ready`` is awaited when the line stands and gives the moment on the loop's clock at which
        the first sample is spoken; until ``hang_up`` is set the line stays open, in silence.
        ``CallscribeError`` if the server gives up before that. With ``absence`` a server that goes
        away is rung at again, for a new stream of the same call; what is said meanwhile is lost.
        """
        tries, given = Tries(absence), answer
        while True:
            try:
                await self._stream(given, tracks, ready, hang_up, speed, tries)
            except CallscribeError as error:
                if self._begin is None or not (
                    isinstance(error, EngineError) or error.code in PASSING
                ):
                    raise
                given = await self._ring_again(error, tries)
            else:
                return

    async def _ring_again(self, error: Exception, tries: Tries) -> Answer:
        while True:
            await tries.again(error)
            try:
                return await self.ring(self._language)
            except OSError as problem:
                error = EngineError(f"there is no server: {problem}")

    async def _stream(
        self,
        answer: Answer,
        tracks: Mapping[str, Int16Array],
        ready: Callable[[], Awaitable[float]],
        hang_up: asyncio.Event | None,
        speed: float,
        tries: Tries,
    ) -> None:
        self._stream_sid, self._count = f"MZ{secrets.token_hex(16)}", 0
        try:
            async with connect(
                f"{self._client.ws}{answer.path}", compression=None, proxy=None
            ) as socket:
                await self._say(socket, Connected())
                if self._begin is None:
                    self._begin = await ready()
                await self._say(socket, self._start(answer, list(tracks)))
                tries.reached()
                await self._speak(socket, tracks, self._begin, speed, hang_up)
                stop = StopBody(call_sid=self.call_sid, account_sid=ACCOUNT)
                await self._say(socket, Stop(**self._head(), stop=stop))
                async with asyncio.timeout(PATIENCE):
                    await socket.wait_closed()
                if socket.close_code != 1000:
                    raise _broken(socket)
        except ConnectionClosed as error:
            raise _broken(socket) from error
        except (TimeoutError, OSError, InvalidHandshake) as error:
            raise EngineError(f"the server broke off the call: {error}") from error

    async def _speak(
        self,
        socket: ClientConnection,
        tracks: Mapping[str, Int16Array],
        begin: float,
        speed: float,
        hang_up: asyncio.Event | None,
    ) -> None:
        """Every frame goes out when its last sample has been spoken; delays do not add up.

        A stream that comes later begins with what is spoken then.
        """
        loop = asyncio.get_running_loop()
        begun = max(0, int((loop.time() - begin) * speed / FRAME))
        coded = {track: samples_to_mulaw(samples) for track, samples in tracks.items()}
        longest = max(map(len, coded.values()), default=0)
        for number in count(begun):
            first = number * SIZE
            if first >= longest and (hang_up is None or hang_up.is_set()):
                return
            await asyncio.sleep(begin + (number + 1) * FRAME / speed - loop.time())
            for track, audio in coded.items():
                # Who has nothing to say any more is silent, as on a line that is still open.
                body = MediaBody(
                    track=track,
                    chunk=number - begun + 1,
                    timestamp=round((number - begun) * FRAME * 1000),
                    payload=audio[first : first + SIZE].ljust(SIZE, b"\xff"),
                )
                await self._say(socket, Media(**self._head(), media=body))

    def _start(self, answer: Answer, tracks: list[str]) -> Start:
        body = StartBody(
            call_sid=self.call_sid,
            account_sid=ACCOUNT,
            stream_sid=self._stream_sid,
            tracks=tracks,
            custom_parameters=dict(answer.parameters),
        )
        return Start(**self._head(), start=body)

    def _head(self) -> dict[str, Any]:
        self._count += 1
        return {"sequence_number": self._count, "stream_sid": self._stream_sid}

    async def _say(self, socket: ClientConnection, message: Message) -> None:
        await socket.send(encode(message))

    def _post(self, path: str) -> bytes:
        form = {
            "CallSid": self.call_sid,
            "AccountSid": ACCOUNT,
            "CallStatus": "ringing",
            "Direction": "inbound",
        }
        signature = RequestValidator(self._auth_token).compute_signature(
            f"{self._public_url}{path}", form
        )
        request = urllib.request.Request(  # noqa: S310
            f"{self._client.http}{path}",
            urlencode(form).encode(),
            {"X-Twilio-Signature": signature},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                text: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(error) from error
        return text


def _broken(socket: ClientConnection) -> CallscribeError:
    code, _, message = (socket.close_reason or "").partition(": ")
    if message:
        return CallscribeError(message, code=code)
    return EngineError(f"the server broke off the call ({socket.close_code} {code})")
