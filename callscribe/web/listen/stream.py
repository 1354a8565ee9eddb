"""``ws://…/v1/listen``: an unmodified Deepgram client streams audio and reads results.

The protocol is ``wire/deepgram.py``. May import ``engines.base``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from callscribe.audio import Int16Array
from callscribe.engines.base import (
    StreamingConnection,
    StreamOptions,
    TranscriptCallback,
    TranscriptionEngine,
)
from callscribe.errors import AudioError, CallscribeError, ProtocolError
from callscribe.web.listen.channel import ChannelText
from callscribe.web.listen.configure import Refusal, new_keyterms
from callscribe.web.listen.incoming import Incoming, open_incoming
from callscribe.web.listen.leg import ChannelLeg
from callscribe.web.listen.plan import Plan, model_info, model_name, model_uuid, results_metadata
from callscribe.web.listen.replies import NO_AUDIO, SILENT_CLIENT, UNDECODABLE
from callscribe.wire import deepgram as dg

SILENCE: Final = 10.0
"""Seconds without any frame after which a client is given up (NET-0001)."""

AUDIO_PATIENCE: Final = 30.0
"""Seconds that a client may send KeepAlive only before its first audio (NET-0000)."""

CHANGE_PATIENCE: Final = 5.0
"""Seconds of audio that a change waits for an utterance's end; then it cuts this one in two."""

ECHO: Final = 1000
"""Characters of a text frame that are sent back at most when it could not be read."""

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
        self._incoming: Incoming = open_incoming(plan)
        self._legs: list[ChannelLeg] = []
        self._keyterms: tuple[str, ...] | None = None
        """Those that come into force between two utterances, or at ``_due``."""
        self._due = 0.0
        self._received = 0
        """Samples for each channel."""
        self._digest = hashlib.sha256()
        self._sending = asyncio.Lock()
        self._gone = False

    async def open(self) -> None:
        """Seats the legs; errors of the engine before the socket is accepted."""
        metadata = results_metadata(self._request_id, self._model)
        for index in range(self._plan.channels):
            text = ChannelText(index, self._plan.channels, self._plan.query, metadata)
            leg = ChannelLeg(self._seat, text, self._send_all)
            self._legs.append(leg)
            await leg.go_on_with(await leg.open(self._plan.options))

    async def _seat(
        self, options: StreamOptions, on_transcript: TranscriptCallback
    ) -> StreamingConnection:
        return await self._engine.transcribe_streaming(
            self._request_id,
            self._plan.language,
            self._incoming.rate,
            on_transcript,
            options=options,
        )

    async def converse(self) -> None:
        """Takes frames until the client ends the stream; then the last results and Metadata."""
        began = heard = self._monotonic()
        while True:
            deadline, fault = heard + SILENCE, SILENT_CLIENT
            if not self._received and began + AUDIO_PATIENCE < deadline:
                deadline, fault = began + AUDIO_PATIENCE, NO_AUDIO
            try:
                async with asyncio.timeout(max(deadline - self._monotonic(), 0)):
                    frame = await self._socket.receive()
            except TimeoutError:
                raise Refused(*fault) from None
            heard = self._monotonic()
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame.get("code", 1005))
            if frame.get("text") is not None:
                if await self._control(frame["text"]):
                    break
            elif not frame.get("bytes"):
                break  # an empty frame is the old way to end a stream
            else:
                await self._audio(frame["bytes"])
        await self._finish()

    async def release(self) -> None:
        """Frees the legs, however the stream ended."""
        self._gone = True
        self._incoming.close()
        for leg in self._legs:
            with contextlib.suppress(Exception):
                await leg.close()

    async def _audio(self, data: bytes) -> None:
        self._digest.update(data)
        try:
            blocks = self._incoming.push(data)
        except AudioError:
            raise Refused(*UNDECODABLE) from None
        for block in blocks:
            await self._pass_on(block)

    async def _pass_on(self, block: Int16Array) -> None:
        if len(self._legs) == 1 and len(block) > 1:
            block = block.mean(axis=0, dtype=np.float32).astype(np.int16)[None]
        for index, leg in enumerate(self._legs):
            channel = block[index] if index < len(block) else np.zeros(block.shape[1], np.int16)
            await leg.send_audio(np.ascontiguousarray(channel).tobytes())
        self._received += block.shape[1]
        for leg in self._legs:
            await self._send_all(leg.text.advance(self._seconds))
        await self._change()

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
            for index, leg in enumerate(self._legs):
                if not isinstance(chosen, int) or chosen == index:
                    await leg.finalize()
        elif isinstance(message, dg.Configure):
            await self._configure(message)
        elif isinstance(message, dg.Unknown):
            await self._complain(f"there is no message {message.kind[:40]!r}", text)
        return False

    async def _complain(self, what: str, text: str) -> None:
        await self._send(dg.Error(variant="SchemaError", description=what, message=text[:ECHO]))

    async def _configure(self, asked: dg.Configure) -> None:
        """Every ``Configure`` is answered once: refused now, or when it is in force."""
        try:
            keyterms = new_keyterms(asked, self._plan.query, waiting=self._keyterms is not None)
        except Refusal as refusal:
            await self._fail(refusal.code, refusal.description)
            return
        if keyterms is None:
            await self._send(dg.ConfigureSuccess(request_id=self._request_id))
            return
        self._keyterms, self._due = keyterms, self._seconds + CHANGE_PATIENCE
        await self._change()

    async def _change(self) -> None:
        """Puts keyterms that wait in force when the time has come."""
        speaking = any(leg.text.speaking for leg in self._legs)
        if self._keyterms is None or (speaking and self._seconds < self._due):
            return
        keyterms, self._keyterms = self._keyterms, None
        options = replace(self._plan.options, keyterms=keyterms)
        fresh: list[StreamingConnection] = []
        try:
            for leg in self._legs:
                fresh.append(await leg.open(options, self._seconds))  # noqa: PERF401 - see below
        except CallscribeError as error:
            for connection in fresh:  # those that were opened before the one that failed
                await connection.close()
            await self._fail("CONFIGURE_INTERNAL_ERROR", error.message)
            return
        for leg, connection in zip(self._legs, fresh, strict=True):
            await leg.go_on_with(connection)
        await self._send(dg.ConfigureSuccess(request_id=self._request_id, keyterms=list(keyterms)))

    async def _fail(self, code: str, description: str) -> None:
        await self._send(
            dg.ConfigureFailure(request_id=self._request_id, code=code, description=description)
        )

    async def _finish(self) -> None:
        try:
            for block in await asyncio.to_thread(self._incoming.finish):
                await self._pass_on(block)
        except AudioError:
            raise Refused(*UNDECODABLE) from None
        for leg in self._legs:
            await leg.close()
            await self._send_all(leg.text.finish(self._seconds))
        if self._keyterms is not None:
            await self._fail("CONFIGURE_INTERNAL_ERROR", "the stream ended before the change")
        await self._send(self._metadata())

    @property
    def _seconds(self) -> float:
        return self._received / self._incoming.rate

    @property
    def _model(self) -> str:
        return model_name(self._engine)

    def _metadata(self) -> dg.Metadata:
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        key = model_uuid(self._model)
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

    async def _send_all(self, messages: Iterable[dg.ServerMessage]) -> None:
        for message in messages:
            await self._send(message)

    async def _send(self, message: dg.ServerMessage) -> None:
        if self._gone:
            return
        try:
            async with self._sending:
                await self._socket.send_text(message.encode())
        except (WebSocketDisconnect, RuntimeError):
            self._gone = True
            _log.info("listener_gone", request_id=self._request_id)
