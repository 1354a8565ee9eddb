"""What is said on an audio socket while it holds a leg, from ``ready`` to ``ended``.

May import ``service``, ``session``, ``calls``, ``wire``, core and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket

from callscribe.audio import WIDTH
from callscribe.calls import deleted
from callscribe.errors import AudioError, CallscribeError, ProtocolError, SpeakerTaken
from callscribe.events import Event, LegEnded, Notice
from callscribe.flag import Flag
from callscribe.leg import Attachment
from callscribe.reading import Later
from callscribe.service import EnhancedTranscriptionService
from callscribe.session import Session
from callscribe.web.reading import read_all
from callscribe.web.sockets import failure, send_text
from callscribe.wire.browser import (
    Ack,
    Ended,
    Finalize,
    KeepAlive,
    Ready,
    Start,
    Stop,
    encode,
    parse_client,
)

HEARTBEAT = 2.0
"""Seconds after which an ``ack`` goes out even when no audio has come."""

MAX_FRAME = 1 << 20
"""The longest audio frame that is taken, bytes."""

MAX_MISTAKES = 100
"""Mistakes that a client is told of before its socket is closed."""


class AudioConversation:
    """A socket that holds a leg."""

    def __init__(
        self,
        socket: WebSocket,
        service: EnhancedTranscriptionService,
        session: Session,
        attachment: Attachment,
    ) -> None:
        self._socket = socket
        self._session = session
        self._attachment = attachment
        self._leg = attachment.leg
        self._events = service.subscribe(session.session_id, self._leg.since)
        self._due = Flag()
        self._send_audio = attachment.send
        self._take_audio = attachment.take
        self._monotonic = session.monotonic
        self._second = self._leg.sample_rate * WIDTH[self._leg.encoding]
        self._unacknowledged = 0
        """Bytes that came since the last acknowledgement."""
        self._skip = attachment.skip
        self._mistakes = 0
        self.stopped = False
        """The client has ended the leg itself."""

    def release(self) -> None:
        """Lets go of the leg; it waits for its client unless it has ended."""
        self._events.close()
        self._session.legs.detach(self._attachment)

    async def converse(self) -> None:
        """From ``ready`` to ``ended``; raises what ends the conversation before that."""
        leg = self._leg
        ready = Ready(
            session_id=self._session.session_id,
            speaker=leg.speaker,
            resume=leg.resume,
            received=leg.received,
            engine=leg.engine,
            language=leg.language,
            sample_rate=leg.sample_rate,
            skip=self._skip,
        )
        await send_text(self._socket, encode(ready))
        async with asyncio.TaskGroup() as tasks:
            works = (read_all(self._socket, self._take), self._acknowledge(), self._hold())
            others = [tasks.create_task(work) for work in works]
            await self._forward()
            for other in others:
                other.cancel()
        if self._session.deleted:
            raise deleted()
        ended = Ended(self._session.session_id, leg.speaker, round(leg.seconds, 3))
        await send_text(self._socket, encode(ended))

    def _take(self, data: str | bytes) -> Coroutine[Any, Any, None] | Later | None:
        """Takes what the client sends; audio is on the path of every frame."""
        if type(data) is bytes and data and not self._leg.end_asked:
            if len(data) > MAX_FRAME:
                raise ProtocolError(
                    f"a frame may hold {MAX_FRAME} bytes, this has {len(data)}", code="too_big"
                )
            if not self._take_audio(data, self._monotonic()):
                return self._hear(data)
            self._acknowledge_soon(len(data))
            return None
        return Later(self._obey(data))

    async def _hear(self, audio: bytes) -> None:
        await self._send_audio(audio)
        self._acknowledge_soon(len(audio))

    def _acknowledge_soon(self, size: int) -> None:
        self._unacknowledged += size
        if self._unacknowledged >= self._second:
            self._unacknowledged = 0
            self._due.set()

    async def _obey(self, data: str | bytes) -> bool:
        """Does what a text frame says; true when the leg takes no more."""
        if self._leg.end_asked:
            return True
        if not isinstance(data, str):
            await self._complain(AudioError("an audio frame without any audio; leave it out"))
            return False
        message = parse_client(data)
        match message:
            case Stop():
                self.stopped = True
                self._leg.stopped = True
                self._session.legs.ask_end(self._leg)
            case Finalize():
                await self._session.finalize(self._leg.speaker)
            case KeepAlive():
                pass
            case Start():
                await self._complain(
                    ProtocolError("this leg has started already", code="repeated_start")
                )
            case _:
                await self._complain(
                    ProtocolError(
                        f"unknown message type {message.name[:40]!r}", code="unknown_message"
                    )
                )
        return self._leg.end_asked

    async def _complain(self, mistake: CallscribeError) -> None:
        """Tells a client of a mistake that does no harm, unless there are too many of them."""
        self._mistakes += 1
        if self._mistakes > MAX_MISTAKES:
            raise ProtocolError(
                f"more than {MAX_MISTAKES} mistakes; the latest: {mistake.message}",
                code="too_many_mistakes",
            )
        await send_text(self._socket, failure(mistake, fatal=False))

    async def _acknowledge(self) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            leg, record = self._leg, self._session.record
            settled = leg.settling.look(leg.settled, record.seq, record.kept_below)
            ack = Ack(leg.received, leg.lag_ms, settled)
            await send_text(self._socket, encode(ack))

    async def _hold(self) -> None:
        await self._attachment.lost.wait()
        raise SpeakerTaken(
            f"another connection has taken over the leg of {self._leg.speaker}", code="taken_over"
        )

    async def _forward(self) -> None:
        """Sends the leg's events; returns when the leg has ended."""
        async for event in self._events:
            if self._concerns(event):
                await send_text(self._socket, event.to_json())
                if isinstance(event, LegEnded):
                    return

    def _concerns(self, event: Event) -> bool:
        speaker = getattr(event, "speaker", "")
        return speaker == self._leg.speaker or (speaker is None and isinstance(event, Notice))
