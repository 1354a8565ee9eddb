"""``ws://…/v1/listen``: an unmodified Deepgram client streams audio and reads results.

The protocol is ``wire/deepgram.py``. May import ``engines.base``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np
import structlog
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.audio import Int16Array
from callscribe.engines.base import (
    EngineEvent,
    Following,
    StreamingConnection,
    Teachable,
    TranscriptCallback,
    TranscriptionEngine,
)
from callscribe.errors import AudioError, ProtocolError
from callscribe.web.listen.channel import ChannelText
from callscribe.web.listen.incoming import Incoming, open_incoming
from callscribe.web.listen.plan import (
    Plan,
    configure_fault,
    model_info,
    model_name,
    results_metadata,
)
from callscribe.web.sockets import send_text
from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_errors import NO_AUDIO, SILENT_CLIENT, UNDECODABLE

SILENCE: Final = 10.0
"""Seconds without any frame after which a client is given up (NET-0001)."""

AUDIO_PATIENCE: Final = 30.0
"""Seconds that a client may send KeepAlive only before its first audio (NET-0000)."""

ECHO: Final = 1000
"""Characters of a text frame that are sent back at most when it could not be read."""

END: Final[Message] = {"type": "websocket.receive", "bytes": b""}
"""A client's old way to end a stream."""

_log = structlog.get_logger(__name__)


class Refused(Exception):
    """The connection is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class ListenStream:
    """One client's stream: audio in, results out, one recogniser's leg for each channel."""

    def __init__(
        self,
        socket: WebSocket,
        engine: TranscriptionEngine,
        plan: Plan,
        request_id: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._socket = socket
        self._engine = engine
        self._plan = plan
        self._request_id = request_id
        self._monotonic = monotonic
        self._incoming: Incoming = open_incoming(plan, self._pass_on)
        self._legs: list[StreamingConnection] = []
        self._following: list[Following | None] = []
        """The legs that say how far they have listened."""
        self._texts: list[ChannelText] = []
        self._received = 0
        """Samples for each channel."""
        self._digest = hashlib.sha256()
        self._sending = asyncio.Lock()
        self._gone = False
        self.leaving = False
        """The server ends, and this stream with it."""
        self._patience: asyncio.Timeout | None = None
        """For the frame that is waited for."""

    async def open(self) -> None:
        """Seats the legs; errors of the engine before the socket is accepted."""
        metadata = results_metadata(self._request_id, self._model)
        for index in range(self._plan.channels):
            text = ChannelText(index, self._plan.channels, self._plan.query, metadata)
            self._texts.append(text)
            leg = await self._engine.transcribe_streaming(
                self._request_id,
                self._plan.language,
                self._incoming.rate,
                self._teller(text),
                options=self._plan.options,
            )
            self._legs.append(leg)
            self._following.append(leg if isinstance(leg, Following) else None)

    async def converse(self) -> None:
        """Takes frames until the client ends the stream; then the last results and Metadata."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._incoming.carry())
                await self._take_frames()
                await self._incoming.finish()
        except ExceptionGroup as group:
            fault = group.exceptions[0]
            if isinstance(fault, AudioError):
                raise Refused(*UNDECODABLE) from None
            raise fault from None
        await self._finish()

    def ask_end(self) -> None:
        """Has the stream end as if its client had ended it: with the last results and Metadata."""
        self.leaving = True
        if self._patience is not None:
            with contextlib.suppress(RuntimeError):  # it is over in this very moment
                self._patience.reschedule(asyncio.get_running_loop().time())

    async def _take_frames(self) -> None:
        began = self._monotonic()
        while True:
            frame = await self._next_frame(began)
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame.get("code", 1005))
            if frame.get("text") is not None:
                if await self._control(frame["text"]):
                    break
            elif not frame.get("bytes"):
                break  # an empty frame is the old way to end a stream
            else:
                self._digest.update(frame["bytes"])
                await self._incoming.push(frame["bytes"])

    async def _next_frame(self, began: float) -> Message:
        """What the client sends next; one that is silent, or brings no audio, is given up.

        Its silence counts from here: while it had to wait for us it could send nothing.
        """
        silent = self._monotonic()
        while True:
            deadline, fault = silent + SILENCE, SILENT_CLIENT
            if not self._received and began + AUDIO_PATIENCE < deadline:
                deadline, fault = began + AUDIO_PATIENCE, NO_AUDIO
            try:
                left = 0.0 if self.leaving else max(deadline - self._monotonic(), 0.0)
                async with asyncio.timeout(left) as self._patience:
                    return await self._socket.receive()
            except TimeoutError:
                if self.leaving:
                    return END
                if fault is NO_AUDIO:
                    await self._incoming.settle()  # it may have come, and wait for its decoder
                if fault is SILENT_CLIENT or not self._received:
                    raise Refused(*fault) from None
            finally:
                self._patience = None

    async def release(self) -> None:
        """Frees the legs, however the stream ended."""
        self._gone = True
        self._incoming.close()
        for leg in self._legs:
            with contextlib.suppress(Exception):
                await leg.close()

    async def _pass_on(self, block: Int16Array) -> None:
        if len(self._legs) == 1 and len(block) > 1:
            block = block.mean(axis=0, dtype=np.float32).astype(np.int16)[None]
        for index, leg in enumerate(self._legs):
            channel = block[index] if index < len(block) else np.zeros(block.shape[1], np.int16)
            await leg.send_audio(np.ascontiguousarray(channel).tobytes())
        self._received += block.shape[1]
        for text, follows in zip(self._texts, self._following, strict=True):
            # What is not listened to yet is no silence.
            heard = min(follows.listened, self._seconds) if follows else self._seconds
            for message in text.advance(heard):
                await self._send(message)

    async def _control(self, text: str) -> bool:
        """Obeys a text frame; true when it ends the stream."""
        try:
            message = dg.parse_client(text)
        except ProtocolError as error:
            await self._complain(error.message, text)
            return False
        if isinstance(message, dg.CloseStream):
            return True
        if isinstance(message, dg.Finalize):
            chosen = message.channel
            await self._incoming.settle()  # what was sent before is to be in what is final
            for index, leg in enumerate(self._legs):
                if not isinstance(chosen, int) or chosen == index:
                    await leg.finalize()
        elif isinstance(message, dg.Configure):
            await self._send(await self._configure(message))
        elif isinstance(message, dg.Unknown):
            await self._complain(f"there is no message {message.kind[:40]!r}", text)
        return False

    async def _configure(self, message: dg.Configure) -> dg.ServerMessage:
        """Changes the vocabulary; every ``Configure`` gets one answer."""
        fault = configure_fault(message, self._plan.query)
        legs = [leg for leg in self._legs if isinstance(leg, Teachable)]
        terms = message.keyterms
        if fault is None and isinstance(terms, list) and not legs:
            fault = ("CONFIGURE_KEYTERMS_NOT_SUPPORTED", f"{self._engine.name} takes no keyterms")
        if fault is not None:
            code, description = fault
            return dg.ConfigureFailure(
                request_id=self._request_id, code=code, description=description
            )
        if not isinstance(terms, list):
            return dg.ConfigureSuccess(request_id=self._request_id)
        for leg in legs:
            await leg.set_keyterms(tuple(terms))
        return dg.ConfigureSuccess(request_id=self._request_id, keyterms=terms)

    async def _complain(self, what: str, text: str) -> None:
        await self._send(dg.Error(variant="SchemaError", description=what, message=text[:ECHO]))

    async def _finish(self) -> None:
        for leg, text in zip(self._legs, self._texts, strict=True):
            await leg.close()
            for last in text.finish(self._seconds):
                await self._send(last)
        await self._send(self._metadata())

    @property
    def _seconds(self) -> float:
        return self._received / self._incoming.rate

    @property
    def _model(self) -> str:
        return model_name(self._engine)

    def _metadata(self) -> dg.Metadata:
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        key = dg.model_uuid(self._model)
        return dg.Metadata(
            transaction_key="deprecated",
            request_id=self._request_id,
            sha256=self._digest.hexdigest(),
            created=created,
            duration=round(self._seconds, 6),
            channels=self._plan.channels if self._received else 0,
            models=[key],
            model_info={key: model_info(self._model)},
        )

    def _teller(self, text: ChannelText) -> TranscriptCallback:
        async def tell(event: EngineEvent) -> None:
            for message in text.tell(event):
                await self._send(message)

        return tell

    async def _send(self, message: dg.ServerMessage) -> None:
        if self._gone:
            return
        try:
            async with self._sending:
                await send_text(self._socket, message.encode())
        except (WebSocketDisconnect, RuntimeError):
            self._gone = True
            _log.info("listener_gone", request_id=self._request_id)
