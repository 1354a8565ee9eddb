"""The legs of one session: they open, lose their client and are taken up again.

May import ``leg``, ``record``, ``past``, ``cut_off``, ``engines.base`` and core.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from functools import partial

import structlog

from callscribe import events
from callscribe.audio import Encoding
from callscribe.cut_off import CutOff
from callscribe.engines.base import (
    Audience,
    StreamingConnection,
    StreamOptions,
    TranscriptionEngine,
)
from callscribe.errors import (
    AudioError,
    CapacityError,
    ConfigurationError,
    LegNotFound,
    SessionClosed,
    SessionError,
    SpeakerTaken,
)
from callscribe.former import Place, Recording, place
from callscribe.leg import Attachment, Leg, LegState
from callscribe.past import Past
from callscribe.record import Record
from callscribe.settings import TranscriptionConfig

_log = structlog.get_logger(__name__)


class Legs:
    """Who is on the line, and who was.

    ``on_change`` is called whenever the session has to look at its legs again. ``clock`` is UNIX
    time, ``monotonic`` measures waiting, ``grace`` is how long a leg waits for a lost client; all
    in seconds.
    """

    def __init__(
        self,
        record: Record,
        config: TranscriptionConfig,
        engine: TranscriptionEngine,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        grace: float,
        on_change: Callable[[], None],
    ) -> None:
        self.all: list[Leg] = []
        """Every leg there was, in the order in which they opened."""
        self.closed = False
        """The session ends: no leg is opened any more."""
        self.draining = False
        """The server ends: no new leg is opened, lost clients may still come back."""
        self._record = record
        self._config = config
        self._engine = engine
        self._clock = clock
        self._monotonic = monotonic
        self._grace = grace
        self._on_change = on_change
        self._current: dict[str, Leg] = {}
        self._opening: set[str] = set()
        self._fed: dict[str, Attachment] = {}
        self._feeding = asyncio.Lock()
        self._began_at: float | None = None
        self._cut_off = CutOff(record)
        self._swapped = False
        """Names were exchanged: clients go on under those that they began with."""

    @property
    def live(self) -> list[Leg]:
        """The legs that have not ended."""
        return [leg for leg in self._current.values() if leg.state is not LegState.ENDED]

    @property
    def occupied(self) -> bool:
        """Whether a leg lives or is being opened."""
        return bool(self._opening or self.live)

    def of(self, speaker: str) -> Leg:
        """The speaker's latest leg; ``LegNotFound`` when there was none."""
        try:
            return self._current[speaker]
        except KeyError:
            raise LegNotFound(
                f"session {self._record.session_id} has no leg of {speaker}"
            ) from None

    async def open(
        self,
        speaker: str,
        sample_rate: int,
        language: str = "",
        encoding: Encoding = "linear16",
        *,
        waiting: float = 0.0,
        recording: Recording | None = None,
    ) -> Attachment:
        """Opens a leg; a detached one of the same speaker is ended first.

        ``waiting`` is how old (s) its first sample is where its client records already; 0 for a leg
        that begins with its first frame. ``recording``: what its client keeps, of which it leaves
        out ``Attachment.skip``. An empty language means the configured one.

        ``SessionClosed``, ``SpeakerTaken``, ``ConfigurationError`` for a language that the engine
        has not, ``CapacityError`` when the server is about to end, and what the engine raises.
        """
        self._check_open()
        if self.draining:
            raise CapacityError("the server is shutting down; try again", code="shutting_down")
        spoken_at = self._monotonic() - waiting if waiting else None
        language = language or self._config.transcription_language
        self._check_language(language)
        before = self._current.get(speaker)
        if speaker in self._opening or (before is not None and before.holder is not None):
            raise SpeakerTaken(
                f"{speaker} is on the line already; end that leg or take another name"
            )
        self._opening.add(speaker)
        self._on_change()
        try:
            if before is not None:
                await self.end(before)  # its client starts anew instead of coming back
            going_on = None if recording is None else self._place(recording, sample_rate)
            skip = going_on.skip if going_on is not None else 0
            if spoken_at is not None:
                spoken_at += skip / sample_rate
            leg = Leg(
                speaker,
                sample_rate=sample_rate,
                encoding=encoding,
                language=language,
                engine=self._engine.name,
                since=self._record.seq,
                on_begin=self._begin,
                spoken_at=spoken_at,
                recording=recording.id if recording is not None else "",
                first=recording.kept + skip if recording is not None else 0,
                place=going_on,
            )
            return Attachment(leg, await self._connect(leg), skip)
        finally:
            self._opening.discard(speaker)
            self._on_change()

    async def feed(self, speaker: str, audio: bytes, sample_rate: int) -> None:
        """Takes audio from a caller without a connection of its own; opens the leg at first.

        Errors of ``open`` and ``Attachment.send``; ``AudioError`` for a rate other than the leg's.
        """
        attachment = self._fed.get(speaker)
        if attachment is None or attachment.leg.ended.is_set():
            async with self._feeding:
                attachment = self._fed.get(speaker)
                if attachment is None or attachment.leg.ended.is_set():
                    attachment = self._fed[speaker] = await self.open(speaker, sample_rate)
        if sample_rate != attachment.leg.sample_rate:
            raise _other_rate(attachment.leg, sample_rate)
        await attachment.send(audio)

    def resume(
        self, speaker: str, token: str, sample_rate: int, encoding: Encoding = "linear16"
    ) -> Attachment:
        """Takes a leg up again where its client was lost, or where it only seems to be there.

        ``LegNotFound``, ``SessionClosed`` when it has ended, ``SessionError`` for a wrong token,
        ``AudioError`` for another rate or encoding.
        """
        self._check_open()
        leg = self.of(speaker)
        if not hmac.compare_digest(token.encode(errors="replace"), leg.resume.encode()):
            raise SessionError(
                "this resume token is not that of the leg; start without one", code="bad_resume"
            )
        if leg.connection is None or leg.end_asked or leg.ending:
            raise SessionClosed(f"the leg of {speaker} has ended; start without a resume token")
        if sample_rate != leg.sample_rate:
            raise _other_rate(leg, sample_rate)
        if encoding != leg.encoding:
            raise AudioError(
                f"the leg of {speaker} was opened with {leg.encoding}, not with {encoding}",
                code="bad_encoding",
            )
        attachment = Attachment(leg, leg.connection)
        self._record.publish(events.LegResumed, speaker=speaker, received=leg.received)
        _log.info("leg_resumed", session_id=self._record.session_id, speaker=speaker)
        self._on_change()
        return attachment

    def detach(self, attachment: Attachment) -> None:
        """A client is gone without having ended its leg: it may come back for a while."""
        leg = attachment.leg
        if leg.holder is not attachment:
            return
        leg.let_go(self._monotonic())
        self._record.publish(events.LegDetached, speaker=leg.speaker, grace=self._grace)
        _log.info("leg_detached", session_id=self._record.session_id, speaker=leg.speaker)
        self._on_change()

    def swap(self, one: str, other: str) -> None:
        """Exchanges the names of two speakers.

        ``LegNotFound`` for one who has no leg, ``SpeakerTaken`` while one is being connected. Who
        feeds audio without a connection of its own goes on under the name it began with.
        """
        names = {one: other, other: one}
        if self._opening & names.keys():
            raise SpeakerTaken("a leg of these speakers is being connected; try again in a moment")
        changed = {names[name]: self.of(name) for name in names}
        self._swapped = True
        for name, leg in changed.items():
            leg.speaker = name
        self._current.update(changed)
        self._on_change()

    def take_up(self, past: Past, epoch: float) -> None:
        """Says what became of the legs of a process that died.

        ``epoch`` is the UNIX time at which the monotonic clock stood at 0.
        """
        if past.zero_at is None:
            return
        self._began_at = past.zero_at - epoch
        self._cut_off.take_up(past)

    async def end(self, leg: Leg) -> None:
        """Asks for the end of a leg and waits until its last final is out. Idempotent."""
        self.ask_end(leg)
        await leg.ended.wait()

    def ask_end(self, leg: Leg) -> None:
        """Has a leg end soon, without waiting for it."""
        leg.ask_end()
        self._on_change()

    def _place(self, recording: Recording, sample_rate: int) -> Place | None:
        """How a leg goes on; None where its recording is not known, or was made otherwise."""
        former = self._cut_off.former(recording.id)
        for leg in self.all:
            if leg.recording == recording.id:
                former = leg.former or former
        if former is None or former.sample_rate != sample_rate or self._swapped:
            return None
        return place(former, recording)

    async def _connect(self, leg: Leg) -> StreamingConnection:
        hear = partial(self._record.hear, leg)
        # The tasks of a leg log whose it is.
        with structlog.contextvars.bound_contextvars(speaker=leg.speaker):
            connection = await self._engine.transcribe_streaming(
                self._record.session_id,
                leg.language,
                leg.sample_rate,
                Audience(hear, hear),  # it neither raises nor waits
                options=stream_options(self._config, leg.encoding),
            )
        if self.closed:  # while the engine was opening
            await connection.close()
            self._check_open()
        leg.connect(connection)
        self._current[leg.speaker] = leg
        self.all.append(leg)
        _log.info(
            "leg_opened",
            session_id=self._record.session_id,
            speaker=leg.speaker,
            sample_rate=leg.sample_rate,
            language=leg.language,
        )
        return connection

    def _begin(self, leg: Leg, seconds: float) -> None:
        """Places a leg on the call clock: its first ``seconds`` of audio have just come.

        The call begins with the first sample of those who are there when the first audio comes;
        who comes later with older audio begins at 0 too: what is published stays.
        """
        first_sample = self._monotonic() - seconds
        if leg.spoken_at is not None:
            first_sample = min(first_sample, leg.spoken_at)
        if self._began_at is None:
            known = [other.spoken_at for other in self.live if other.spoken_at is not None]
            self._began_at = min([first_sample, *known])
        leg.offset = max(0.0, first_sample - self._began_at)
        if leg.place is not None:
            clock = leg.place.offset if leg.spoken_at is None else leg.offset
            leg.offset = leg.place.begins(clock)
        self._record.publish(
            events.LegStarted,
            speaker=leg.speaker,
            sample_rate=leg.sample_rate,
            language=leg.language,
            engine=leg.engine,
            offset=leg.offset,
            zero_at=self._clock() - (self._monotonic() - self._began_at),
            encoding=leg.encoding,
            model=self._model(leg),
            recording=leg.recording,
            first=leg.first,
            whole=leg.is_whole,
        )
        self._cut_off.began(leg, leg.offset)

    def _model(self, leg: Leg) -> str:
        """What listens to a leg: Deepgram's model is configured, others know their own."""
        if leg.engine.startswith("deepgram"):  # by requests, too
            return self._config.deepgram_model
        return str(getattr(self._engine, "model", ""))

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosed(f"session {self._record.session_id} has ended; start a new one")

    def _check_language(self, language: str) -> None:
        able = self._engine.capabilities
        if language == "auto" and able.auto_language:
            return
        if language not in able.languages:
            raise ConfigurationError(
                f"{self._engine.name} does not know the language {language!r}; "
                f"it knows {', '.join(sorted(able.languages))}",
                code="bad_language",
            )


def stream_options(config: TranscriptionConfig, encoding: Encoding) -> StreamOptions:
    """What a leg of this configuration asks of its engine."""
    return StreamOptions(
        keyterms=config.keyterms,
        interim_results=config.interim_results,
        endpointing_ms=config.endpointing_ms,
        encoding=encoding,
        pass_through=config.deepgram_mulaw,
        streaming=config.deepgram_use_streaming,
        model=config.deepgram_model,
        query=config.deepgram_query,
    )


def _other_rate(leg: Leg, sample_rate: int) -> AudioError:
    return AudioError(
        f"the leg of {leg.speaker} was opened at {leg.sample_rate} Hz, not at {sample_rate} Hz",
        code="bad_sample_rate",
    )
