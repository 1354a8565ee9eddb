"""What is said on an audio socket while it holds a leg, from ``ready`` to ``ended``.

May import ``service``, ``session``, ``calls``, ``wire`` and core.
"""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.calls import deleted
from callscribe.errors import AudioError, CallscribeError, ProtocolError, SpeakerTaken
from callscribe.events import Event, LegEnded, Notice
from callscribe.leg import Attachment
from callscribe.service import EnhancedTranscriptionService
from callscribe.session import Session
from callscribe.web.sockets import failure
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
        self._due = asyncio.Event()
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
        )
        await self._socket.send_text(encode(ready))
        async with asyncio.TaskGroup() as tasks:
            works = (self._read(), self._acknowledge(), self._hold())
            others = [tasks.create_task(work) for work in works]
            await self._forward()
            for other in others:
                other.cancel()
        if self._session.deleted:
            raise deleted()
        ended = Ended(self._session.session_id, leg.speaker, round(leg.seconds, 3))
        await self._socket.send_text(encode(ended))

    async def _read(self) -> None:
        """Takes what the client sends until it stops or is gone."""
        leg, receive, take = self._leg, self._socket.receive, self._attachment.send
        next_ack = leg.received + leg.sample_rate
        while not leg.end_asked:
            message = await receive()
            if leg.end_asked:
                return
            audio = message.get("bytes")
            if audio:
                if len(audio) > MAX_FRAME:
                    raise ProtocolError(
                        f"a frame may hold {MAX_FRAME} bytes, this has {len(audio)}", code="too_big"
                    )
                await take(audio)
                if leg.received >= next_ack:
                    next_ack = leg.received + leg.sample_rate
                    self._due.set()
            elif message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            else:
                await self._obey(message.get("text"))

    async def _obey(self, text: str | None) -> None:
        """Does what a text frame says; None stands for a frame without any audio."""
        if text is None:
            await self._complain(AudioError("an audio frame without any audio; leave it out"))
            return
        message = parse_client(text)
        match message:
            case Stop():
                self.stopped = True
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

    async def _complain(self, mistake: CallscribeError) -> None:
        """Tells a client of a mistake that does no harm, unless there are too many of them."""
        self._mistakes += 1
        if self._mistakes > MAX_MISTAKES:
            raise ProtocolError(
                f"more than {MAX_MISTAKES} mistakes; the latest: {mistake.message}",
                code="too_many_mistakes",
            )
        await self._socket.send_text(failure(mistake, fatal=False))

    async def _acknowledge(self) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            ack = Ack(self._leg.received, self._leg.lag_ms)
            await self._socket.send_text(encode(ack))

    async def _hold(self) -> None:
        await self._attachment.lost.wait()
        raise SpeakerTaken(
            f"another connection has taken over the leg of {self._leg.speaker}", code="taken_over"
        )

    async def _forward(self) -> None:
        """Sends the leg's events; returns when the leg has ended."""
        async for event in self._events:
            if self._concerns(event):
                await self._socket.send_text(event.to_json())
                if isinstance(event, LegEnded):
                    return

    def _concerns(self, event: Event) -> bool:
        speaker = getattr(event, "speaker", "")
        return speaker == self._leg.speaker or (speaker is None and isinstance(event, Notice))
