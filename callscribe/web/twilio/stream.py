"""One media stream on its socket: its tracks become legs, from ``start`` to ``stop``.

The path of a frame is one parse, one look at its number and one ``send``: no task, no lock. May
import ``service``, ``session``, ``calls``, ``leg``, ``events``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.websockets import WebSocket

from callscribe import events
from callscribe.calls import deleted
from callscribe.errors import (
    AudioError,
    CallscribeError,
    ProtocolError,
    SessionClosed,
    SessionError,
    SpeakerTaken,
)
from callscribe.leg import Attachment
from callscribe.reading import Later
from callscribe.session import Session
from callscribe.web.reading import read_all
from callscribe.web.sockets import frames_of
from callscribe.web.twilio.calls import Call, Place
from callscribe.web.twilio.door import Door
from callscribe.web.twilio.tokens import Grant
from callscribe.wire.twilio import RATE, Media, MediaBody, Start, Stop, Unknown, parse
from callscribe.wire.twilio_track import Gap, Piece, Track

MOST_MISTAKES = 100
"""Messages that cannot be understood before a stream is given up."""

TRACKS = ("inbound", "outbound")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Side:
    """One track: who holds its leg, and the order of its frames."""

    place: Place
    attachment: Attachment
    order: Track
    held: list[bytes] = field(default_factory=list)
    """What came together and is joined with what follows."""
    begun: bool = False
    """It is known when the leg's first sample was spoken."""

    def drain(self) -> bytes:
        """What was held, as one."""
        audio = b"".join(self.held)
        self.held.clear()
        return audio


class Stream:
    """A stream that has shown its token, until it stops or breaks off."""

    def __init__(self, socket: WebSocket, door: Door, call: Call, session: Session) -> None:
        self._socket = socket
        self._door = door
        self._call = call
        self._session = session
        self._sid = ""
        self._sides: dict[str, _Side] = {}
        self._zero: float | None = None
        self._waited = 0.0
        self._mistakes = 0
        self._frames = frames_of(socket)
        self._monotonic = door.calls.monotonic

    async def open(self, start: Start, grant: Grant, came: float) -> None:
        """Opens the legs of the stream's tracks, or takes them up again.

        ``came`` is when ``start`` did (monotonic s). ``SpeakerTaken`` for a second stream of the
        same call, ``ProtocolError`` for tracks or a format that no telephone has.
        """
        check_start(start)
        call = self._call
        if call.stream_sid and not grant.again:
            raise SpeakerTaken("another stream of this call is there already")
        self._sid = call.stream_sid = start.stream_sid
        call.awaited = ""
        for track in start.start.tracks:
            await self._open_side(track)
        if not self._sides:
            raise SpeakerTaken("all speakers of this call are on the line in another way")
        self._waited = self._monotonic() - came

    async def converse(self) -> None:
        """Takes what comes until ``stop``; raises what ends the stream before that."""
        try:
            await read_all(self._socket, self._take, self._send_held)
        except SessionClosed:
            if self._session.deleted:
                raise deleted() from None
            raise
        finally:
            await self._send_rest()

    def release(self) -> None:
        """Lets go of the legs; they wait for the next stream unless the call is over."""
        for side in self._sides.values():
            order = side.order
            for what in ("lost", "late", "doubled"):
                self._door.counts[f"{what}_frames"] += getattr(order, what)
            if not self._call.over.is_set():
                self._session.legs.detach(side.attachment)
        if self._call.stream_sid == self._sid:
            self._call.stream_sid = ""

    async def _open_side(self, track: str) -> None:
        call = self._call
        place = call.places.get(track)
        # Roles may have been swapped meanwhile: the leg knows whose it is.
        speaker = self._door.speakers[track] if place is None else place.leg.speaker
        if place is not None and (attachment := self._resume(place)) is not None:
            begun = place.first_sample is not None
            self._sides[track] = _Side(place, attachment, Track(), begun=begun)
            return
        try:
            attachment = await self._session.open_leg(
                speaker, sample_rate=RATE, encoding="mulaw", language=call.language
            )
        except SpeakerTaken:
            if place is not None:
                raise
            self._session.notify(
                "track_left_out",
                f"{speaker} is on the line already; the telephone's {track} track is left out.",
                speaker,
            )
            return
        place = call.places[track] = Place(attachment.leg)
        self._sides[track] = _Side(place, attachment, Track())

    def _resume(self, place: Place) -> Attachment | None:
        leg = place.leg
        try:
            return self._session.legs.resume(leg.speaker, leg.resume, RATE, "mulaw")
        except SessionError:  # it waited too long and has ended: a new one begins
            return None

    def _take(self, data: str | bytes) -> Coroutine[Any, Any, None] | Later | None:
        """Takes a message; media is on the path of every frame."""
        try:
            message = parse(data)
            if type(message) is Media:
                return self._hear(message)
            if isinstance(message, Stop):
                return Later(self._finish())
        except ProtocolError as error:
            self._mistake(error)
            return None
        if isinstance(message, Start):
            self._mistake(ProtocolError("this stream has started already", code="repeated_start"))
        elif isinstance(message, Unknown):
            self._door.counts["unknown_messages"] += 1
        return None

    def _hear(self, message: Media) -> Coroutine[Any, Any, None] | None:
        """Takes a frame; what is left for later is to be waited for."""
        body = message.media
        side = self._sides.get(body.track)
        if side is None or message.stream_sid != self._sid:
            if body.track in TRACKS and message.stream_sid == self._sid:
                return None  # it is left out
            raise ProtocolError("media of a track or stream that was not announced")
        now = self._monotonic()
        audio = body.payload
        if side.begun and side.order.follows(body.chunk, body.timestamp, audio, now):
            if side.held or (self._frames is not None and self._frames.has_more):
                return self._pass_on(side, (audio,))
            return None if side.attachment.lane.take(audio, now) else self._send_all(side, (audio,))
        if self._zero is None:
            self._begin(body, now)
        if side.order.zero is None and side.place.first_sample is not None:
            side.order = self._order_of(side.place, now)
        return self._pass_on(side, side.order.take(body.chunk, body.timestamp, audio, now))

    def _pass_on(self, side: _Side, pieces: Sequence[Piece]) -> Coroutine[Any, Any, None] | None:
        """Sends what is to be heard next, joined with what came with it."""
        if len(pieces) == 1 and side.begun:
            piece = pieces[0]
            if type(piece) is bytes:
                if self._frames is not None and self._frames.has_more:
                    side.held.append(piece)
                    return None
                if side.held:
                    side.held.append(piece)
                    piece = side.drain()
                if side.attachment.take(piece, self._monotonic()):
                    return None
                pieces = (piece,)
        if side.held:
            pieces = (side.drain(), *pieces)
        return self._send_all(side, pieces)

    def _send_held(self) -> Coroutine[Any, Any, None] | None:
        """Sends what came together as one."""
        late = []
        for side in self._sides.values():
            if side.held:
                audio = side.drain()
                if not side.attachment.take(audio, self._monotonic()):
                    late.append((side, audio))
        return self._send_late(late) if late else None

    async def _send_late(self, late: Sequence[tuple[_Side, bytes]]) -> None:
        """Sends what is to be waited for; what one side is refused the other still gets."""
        refused: CallscribeError | None = None
        for side, audio in late:
            try:
                await self._send_all(side, (audio,))
            except CallscribeError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    async def _send_rest(self) -> None:
        """What came together with what ended the stream is heard."""
        with contextlib.suppress(CallscribeError):  # who has ended it, or taken it over, is known
            late = self._send_held()
            if late is not None:
                await late

    async def _send_all(self, side: _Side, pieces: Sequence[Piece]) -> None:
        try:
            for piece in pieces:
                await self._send(side, piece)
        except AudioError as error:
            self._mistake(error)

    def _begin(self, first: MediaBody, now: float) -> None:
        """Puts the stream's clock where its first audio was spoken; it may have waited for us."""
        spoken = now - self._waited - len(first.payload) / RATE
        self._zero = spoken - first.timestamp / 1000

    def _order_of(self, place: Place, now: float) -> Track:
        """The order of a leg that is taken up again: the time between the streams is a gap."""
        began = now if place.first_sample is None else place.first_sample
        return Track((place.leg.received, round((began - (self._zero or now)) * 1000)))

    async def _send(self, side: _Side, piece: Piece) -> None:
        leg = side.attachment.leg
        if side.place.first_sample is None:
            side.place.first_sample = (self._zero or 0.0) + (side.order.zero or 0) / 1000
            leg.spoken_at = side.place.first_sample
        side.begun = True
        if not isinstance(piece, Gap):
            await side.attachment.send(piece)
            return
        for silence in piece.silence():
            await side.attachment.send(silence)
        offset = leg.offset or 0.0
        self._session.record.publish(
            events.Gap,
            speaker=leg.speaker,
            start=offset + piece.start,
            end=offset + piece.end,
            reason="network",
        )
        self._door.counts["gaps"] += 1

    async def _finish(self) -> bool:
        """What was still held back is heard; then the call is over."""
        try:
            for side in self._sides.values():
                held = [side.drain()] if side.held else []
                for piece in (*held, *side.order.finish()):
                    await self._send(side, piece)
        except (SessionClosed, SpeakerTaken):
            pass  # somebody else has ended it
        self._door.calls.end(self._call)
        return True

    def _mistake(self, error: CallscribeError) -> None:
        """Counts what does no harm, until there is too much of it."""
        self._mistakes += 1
        self._door.counts["mistakes"] += 1
        if self._mistakes == 1:
            _log.warning(
                "twilio_mistake",
                session_id=self._session.session_id,
                code=error.code,
                problem=error.message[:200],
            )
        if self._mistakes > MOST_MISTAKES or error.code == "too_big":
            if error.code == "too_big":
                raise ProtocolError(error.message, code=error.code)
            raise ProtocolError(
                f"more than {MOST_MISTAKES} mistakes; the latest: {error.message}",
                code="too_many_mistakes",
            )


def check_start(start: Start) -> None:
    """``ProtocolError`` unless this is what a telephone sends."""
    body, form = start.start, start.start.media_format
    if (form.encoding, form.sample_rate, form.channels) != ("audio/x-mulaw", RATE, 1):
        raise ProtocolError(
            f"a telephone sends audio/x-mulaw at {RATE} Hz on one channel, not "
            f"{form.encoding[:40]!r} at {form.sample_rate} Hz on {form.channels}",
            code="bad_encoding",
        )
    if not start.stream_sid:
        raise ProtocolError("start has no streamSid")
    if not body.tracks or len(set(body.tracks)) < len(body.tracks) or set(body.tracks) - {*TRACKS}:
        raise ProtocolError("the tracks of a telephone are inbound and outbound, each once")
