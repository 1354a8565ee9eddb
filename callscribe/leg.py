"""One speaker's audio on its way through a session.

May import ``engines.base``, ``engines.encoded``, ``errors`` and core. The session decides when a
leg ends; the leg knows what has arrived, who holds it, and how its time maps onto the call clock.
"""

from __future__ import annotations

import asyncio
import enum
import secrets
from collections.abc import Callable
from functools import partial

from callscribe.audio import WIDTH, Encoding
from callscribe.engines.base import EngineEvent, SpeechBegan, StreamingConnection
from callscribe.engines.encoded import to_samples
from callscribe.errors import AudioError, SessionClosed, SpeakerTaken
from callscribe.loudness import Loudness
from callscribe.transcript import Result


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
        self.received = 0
        """Samples taken since the leg's start."""
        self.loudness = Loudness(
            sample_rate, WIDTH[encoding], partial(to_samples, encoding=encoding)
        )
        """How loud it was, for its last minutes."""
        self.spoken_at = spoken_at
        """When its first sample was spoken, on the session's monotonic clock; None where that is
        to be told from when it comes."""
        self.offset: float | None = None
        """Its first sample on the call clock (s); None until audio has come."""
        self.detached_at: float | None = None
        """When the client was lost, on the session's monotonic clock."""
        self.end_asked = False
        self.ending = False
        """Its engine's connection is being closed."""
        self.ended = asyncio.Event()
        self.begin = on_begin
        """Called once, with the seconds of audio that came first."""
        self.voices: dict[str, str] = {}
        """The call's labels of the voices on this line, by its engine's."""
        self._heard = 0.0
        self._speaking = False

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

    def follow(self, heard: EngineEvent) -> None:
        """Notes how far the engine has come, for ``lag_ms``."""
        if isinstance(heard, SpeechBegan):
            self._speaking = True
            self._heard = max(self._heard, heard.start)
            return
        if not isinstance(heard, Result):
            return  # of words that are lost, the empty final behind says how far the engine is
        self._heard = max(self._heard, heard.end)
        self._speaking = not (heard.is_final and heard.speech_final)

    def let_go(self, now: float) -> None:
        """Its client is gone since ``now`` (monotonic s) and may come back."""
        self.holder = None
        self.state = LegState.DETACHED
        self.detached_at = now

    def ask_end(self) -> None:
        """Takes no more audio; the session then closes the engine's connection."""
        self.end_asked = True
        self.holder = None

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
        }


class Attachment:
    """One client's hold on a leg, until it lets go, the leg ends or another takes it over."""

    def __init__(self, leg: Leg, connection: StreamingConnection) -> None:
        self.leg = leg
        self.lost = asyncio.Event()
        """Set when another connection has taken the leg over."""
        self._send = connection.send_audio
        self._take: Callable[[bytes], bool] | None = getattr(connection, "take", None)
        self._width = WIDTH[leg.encoding]
        if leg.holder is not None:
            leg.holder.lost.set()
        leg.holder = self
        leg.state = LegState.OPEN
        leg.detached_at = None

    def take(self, audio: bytes) -> bool:
        """Takes audio as ``send`` does, where nothing is to be waited for; false: it took nothing.

        Then ``send`` is to be asked. The path of nearly every frame.
        """
        leg = self.leg
        if leg.holder is not self or leg.offset is None or self._take is None:
            return False
        size = len(audio)
        if size % self._width or not size or not self._take(audio):
            return False
        leg.received += size // self._width
        leg.loudness.push(audio)
        return True

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
        await self._send(audio)
        leg.received += size // self._width
        leg.loudness.push(audio)

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
