"""One speaker's audio on its way through a session.

May import ``engines.base``, ``engines.encoded``, ``engines.lane``, ``errors`` and core. The session
decides when a leg ends; the leg knows what has arrived, who holds it, and how its time maps onto
the call clock.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Callable
from functools import partial

from callscribe.audio import WIDTH, Encoding
from callscribe.engines.base import (
    EngineEvent,
    Silent,
    SpeechBegan,
    StreamingConnection,
    Swift,
    Unheard,
)
from callscribe.engines.encoded import to_squares
from callscribe.engines.lane import Lane
from callscribe.errors import AudioError, SessionClosed, SpeakerTaken
from callscribe.flag import Flag
from callscribe.former import Former, Place, Settling
from callscribe.loudness import Loudness
from callscribe.transcript import Result

_NOWHERE = Lane(lambda _audio, _since, _now: None)
"""The way of a client's audio that holds no leg, or whose leg has not begun: none is short."""


class LegState(enum.StrEnum):
    """Where a leg is in its life."""

    OPEN = "open"
    DETACHED = "detached"
    ENDED = "ended"


class Leg:
    """The state of one leg: its format, its engine's connection and what it has received."""

    def __init__(
        self,
        speaker: str,
        *,
        sample_rate: int,
        encoding: Encoding = "linear16",
        language: str,
        engine: str,
        since: int,
        on_begin: Callable[[Leg, float], None],
        spoken_at: float | None = None,
        recording: str = "",
        first: int = 0,
        place: Place | None = None,
    ) -> None:
        self.speaker = speaker
        self.sample_rate = sample_rate
        self.encoding: Encoding = encoding
        self.language = language
        self.engine = engine
        """Who listens; empty while nobody does."""
        self.since = since
        """The number of the session's last event before this leg's first."""
        self.connection: StreamingConnection | None = None
        self.resume = secrets.token_urlsafe(24)
        self.state = LegState.OPEN
        self.holder: Attachment | None = None
        self.lane = Lane(self._note)
        """How audio that nothing is in the way of gets to the engine."""
        self._received = 0
        self._width = WIDTH[encoding]
        self.loudness = Loudness(
            sample_rate, WIDTH[encoding], partial(to_squares, encoding=encoding)
        )
        """How loud it was, for its last minutes."""
        self.spoken_at = spoken_at
        """When its first sample was spoken, on the session's monotonic clock; None where that is
        to be told from when it comes."""
        self.recording = recording
        """Its client's name for what is recorded; empty: it has none."""
        self.first = first
        """The recording's sample that is its first one."""
        self.stopped = False
        """Its client has ended it: the recording goes no further."""
        self.place = place
        """How it goes on with a former leg; None for one that begins anew."""
        self.makes_up: Callable[[bool], None] | None = None
        """Is called when more of it is settled, and (true) at its end: it may fill gaps."""
        self.offset: float | None = None
        """Its first sample on the call clock (s); None until audio has come."""
        self.detached_at: float | None = None
        """When the client was lost, on the session's monotonic clock."""
        self.end_asked = False
        self.ending = False
        """Its engine's connection is being closed."""
        self.ended = Flag()
        self.begin = on_begin
        """Called once, with the seconds of audio that came first."""
        self.voices: dict[str, str] = {}
        """The call's labels of the voices on this line, by its engine's."""
        self._heard = 0.0
        self._settled = 0.0
        self.settling = Settling()
        """What its client may forget."""
        self._speaking = False

    def connect(self, connection: StreamingConnection) -> None:
        """Names its way into the engine."""
        self.connection = connection
        self.lane.follow(connection.lane if isinstance(connection, Swift) else None)

    @property
    def received(self) -> int:
        """Samples taken since the leg's start."""
        self.lane.settle()
        return self._received

    def take(self, audio: bytes) -> None:
        """Notes audio that the engine's connection has taken."""
        self._received += len(audio) // self._width
        self.loudness.push(audio)

    def _note(self, audio: bytes, _since: float, _now: float) -> None:
        self.take(audio)

    @property
    def seconds(self) -> float:
        """How much audio has arrived."""
        return self.received / self.sample_rate

    @property
    def lag_ms(self) -> float | None:
        """How far the text stands behind the audio; None while nobody speaks."""
        if not self._speaking:
            return None
        return round(max(0.0, self.seconds - self._heard) * 1000, 1)

    @property
    def settled(self) -> int:
        """Samples of which the engine has told all that it will: finals, gaps, silence."""
        return min(int(self._settled * self.sample_rate), self.received)

    def heard_out(self) -> None:
        """Its engine has ended in good order: what it did not write down was silence."""
        self._settled = self.seconds

    def follow(self, heard: EngineEvent) -> None:
        """Notes how far the engine has come, for ``lag_ms`` and ``settled``."""
        if type(heard) is Result:  # nearly always
            self._heard = max(self._heard, heard.end)
            if heard.is_final:
                until = heard.end if heard.until is None else heard.until
                self._settled = max(self._settled, until)
            self._speaking = not (heard.is_final and heard.speech_final)
            return
        if isinstance(heard, Silent):
            self._settled = max(self._settled, heard.until)
            return
        if isinstance(heard, Unheard):
            self._settled = max(self._settled, heard.end)
            return
        if isinstance(heard, SpeechBegan):
            self._speaking = True
            self._heard = max(self._heard, heard.start)
        # Of words that are lost, the empty final behind says how far the engine is.

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing between it and the leg that its recording had before."""
        return self.place is not None and self.place.whole

    @property
    def former(self) -> Former | None:
        """What a later leg of its recording goes on with; None while it has not begun or ended."""
        if self.offset is None or not self.ended.is_set():
            return None
        since = self.place.since if self.place is not None and self.is_whole else self.offset
        written = self.first + self.settled
        return Former(self.offset, self.sample_rate, self.first, written, since)

    def hold(self, holder: Attachment | None) -> None:
        """Another client's audio is taken from now on, or nobody's."""
        if self.holder is not None:
            self.holder.lane = _NOWHERE
        self.holder = holder

    def let_go(self, now: float) -> None:
        """Its client is gone since ``now`` (monotonic s) and may come back."""
        self.hold(None)
        self.state = LegState.DETACHED
        self.detached_at = now

    def ask_end(self) -> None:
        """Takes no more audio; the session then closes the engine's connection."""
        self.end_asked = True
        self.hold(None)

    def deadline(self, grace: float) -> float | None:
        """When the leg is due to end (monotonic s); None while that is open."""
        if self.end_asked:
            return 0.0  # long ago on any monotonic clock
        return None if self.detached_at is None else self.detached_at + grace

    def to_dict(self) -> dict[str, object]:
        """The JSON form that the API shows."""
        return {
            "speaker": self.speaker,
            "state": self.state.value,
            "sample_rate": self.sample_rate,
            "encoding": self.encoding,
            "language": self.language,
            "engine": self.engine,
            "received": self.received,
            "duration": round(self.seconds, 3),
            "recording": self.recording,
            "first": self.first,
            "settled": self.settled,
        }


class Attachment:
    """One client's hold on a leg, until it lets go, the leg ends or another takes it over."""

    __slots__ = ("_send", "_width", "lane", "leg", "lost", "skip")

    def __init__(self, leg: Leg, connection: StreamingConnection, skip: int = 0) -> None:
        self.leg = leg
        self.skip = skip
        """Samples before the leg's first that its client has kept, and need not send."""
        self.lost = Flag()
        """Set when another connection has taken the leg over."""
        self.lane = leg.lane if leg.offset is not None else _NOWHERE
        """The short way of its audio; ``take`` asks it."""
        self._send = connection.send_audio
        self._width = WIDTH[leg.encoding]
        if leg.holder is not None:
            leg.holder.lost.set()
        leg.hold(self)
        leg.state = LegState.OPEN
        leg.detached_at = None

    def take(self, audio: bytes, now: float) -> bool:
        """Takes audio that came ``now`` (monotonic s) if nothing is in its way; false: it did not.

        Then ``send`` is to be asked. The path of nearly every frame.
        """
        if not audio or len(audio) % self._width:
            return False
        return self.lane.take(audio, now)

    async def send(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding. No task, lock or queue.

        ``AudioError`` for half a sample or nothing at all, ``SessionClosed`` when the leg has
        ended, ``SpeakerTaken`` when another connection holds it now.
        """
        leg = self.leg
        if leg.holder is not self:
            raise self._refusal()
        size = len(audio)
        if size % self._width or not size:
            raise _bad_audio(size)
        if leg.offset is None:
            leg.begin(leg, size / self._width / leg.sample_rate)
            self.lane = leg.lane
        leg.lane.settle()
        await self._send(audio)
        leg.take(audio)

    def _refusal(self) -> SessionClosed | SpeakerTaken:
        if self.lost.is_set():
            return SpeakerTaken(
                f"another connection has taken over the leg of {self.leg.speaker}",
                code="taken_over",
            )
        return SessionClosed(f"the leg of {self.leg.speaker} has ended; start a new one")


def _bad_audio(size: int) -> AudioError:
    if not size:
        return AudioError("an audio frame without any audio; leave it out or send samples")
    return AudioError(
        f"{size} bytes are no whole number of 16-bit samples; send two bytes per sample"
    )
