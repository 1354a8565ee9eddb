"""What an engine is: the contract that Whisper and Deepgram both keep.

An engine turns a leg's audio into results. It hands out one connection per leg; results come back
through the callback, on the event loop, in order. May import ``audio``, ``engines.lane``,
``transcript`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from callscribe.audio import Encoding, FloatArray
from callscribe.engines.lane import Lane
from callscribe.errors import CallscribeError, CapacityError
from callscribe.transcript import Result


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The engine's VAD hears speech from ``start`` (leg seconds) on."""

    start: float


@dataclass(frozen=True, slots=True)
class Unheard:
    """Speech that the engine could not turn into words: leg seconds, and why, for a person."""

    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended by itself, and why: nothing more comes from it."""

    error: CallscribeError


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Speech has gone unanswered for long, and the connection may be dead.

    ``error`` is what it would be given up for. Another one follows without: it has answered, or
    there is nothing more to be answered; or ``Lost`` does.
    """

    error: CallscribeError | None = None


@dataclass(frozen=True, slots=True)
class Deaf:
    """Nobody listens to the leg, because of ``error``; it goes on.

    Until ``Listening`` or ``TakenOver``: whoever refused is asked again now and then.
    """

    error: CallscribeError
    kept: bool = False
    """It may soon be over: what is said is kept, and heard then. Else it is ``Unheard``."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """From now on another engine listens to the leg, because of ``error``."""

    engine: str
    error: CallscribeError
    caveat: str = ""
    """What was asked of the first engine, relied on, and is not done any more; for a person."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The engine that was asked for listens again, after another one did."""

    engine: str


@dataclass(frozen=True, slots=True)
class Late:
    """The engine listens again after ``error``, and is so many seconds late with what was said.

    It catches up.
    """

    engine: str
    seconds: float
    error: CallscribeError


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody spoke since what was final last, up to ``until`` (leg seconds)."""

    until: float


@dataclass(frozen=True, slots=True)
class Repaired:
    """A stretch that was ``Unheard``, or a part of one, has been heard after all.

    What was ``Unheard`` before and behind it still is. ``results`` are its finals in order, none
    where nobody spoke.
    """

    start: float
    end: float
    results: tuple[Result, ...]
    caveat: str = ""
    """What was asked for, relied on, and not done by who heard it; for a person."""


@dataclass(frozen=True, slots=True)
class Reheard:
    """What was final from ``start`` to ``end`` was unsure, and has been understood more surely.

    ``result`` replaces it; ``by`` is the engine that heard it again.
    """

    start: float
    end: float
    result: Result
    by: str


EngineEvent = (
    Result
    | SpeechBegan
    | Unheard
    | Repaired
    | Reheard
    | Lost
    | Doubtful
    | Deaf
    | TakenOver
    | Listening
    | Late
    | Silent
)
"""What an engine says about a leg."""

TranscriptCallback = Callable[[EngineEvent], Awaitable[None] | None]
"""Called for every event, sync or async. What it raises is logged and ends nothing."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A callback that takes interim results by a shorter way: there are ten a second on each leg.

    ``show`` takes one, and must neither raise nor wait; true where it is to be given to ``hear``
    all the same, which may have to wait: then it may stand in line already, and takes its own
    place there. ``hear`` takes all else, and whatever stands in line.
    """

    hear: TranscriptCallback
    show: Callable[[Result], bool | None]

    def __call__(self, event: EngineEvent) -> Awaitable[None] | None:
        """As any callback."""
        return self.hear(event)


OnFull = Callable[[CapacityError], None]
"""Called, once, with why a leg has to wait for its turn."""


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What an engine uses of something that it may not use without limit."""

    name: str
    used: int
    most: int
    """0: there is no limit."""
    waiting: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, checked before audio flows."""

    streaming: bool
    interim_results: bool
    languages: frozenset[str]
    auto_language: bool


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a leg asks of an engine beyond language and rate."""

    keyterms: tuple[str, ...] = ()
    interim_results: bool = True
    endpointing_ms: int | None = None
    language_each_time: bool = False
    """Detect the language anew for each utterance; for engines that detect languages at all."""
    streaming: bool = True
    """Off: audio may be gathered and sent in pieces, finals only; for engines that can do both."""
    stands_in: bool = False
    """The pieces stand in for a stream: open ones are sent too, for interims."""
    query: tuple[tuple[str, str], ...] = ()
    """Further parameters for an engine that speaks Deepgram's protocol, as on the wire."""
    encoding: Encoding = "linear16"
    """How the audio comes; every engine takes both."""
    pass_through: bool = False
    """Send mu-law on as it came; for engines that speak to a server which takes it."""
    model: str = ""
    """The model for engines that have several; empty: the engine's own choice."""
    on_full: OnFull | None = None
    """Called where the engine is full; opening then waits until there is room. Without it, and at
    an engine that does not know how to wait, opening raises ``CapacityError``."""


@runtime_checkable
class StreamingConnection(Protocol):
    """One leg's way into an engine."""

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or a fatal failure."""
        ...

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding, any whole number of samples; returns at once."""
        ...

    async def finalize(self) -> None:
        """Asks for a final of what has been heard so far; the stream goes on."""
        ...

    async def close(self) -> None:
        """Ends the audio and waits (bounded) until the last final was handed over. Idempotent."""
        ...


@runtime_checkable
class Teachable(Protocol):
    """A connection whose vocabulary may change while audio flows."""

    async def set_keyterms(self, keyterms: tuple[str, ...]) -> None:
        """Replaces the words that are expected, from the next window on."""
        ...


@runtime_checkable
class Swift(Protocol):
    """A connection that takes audio without any waiting, nearly always."""

    @property
    def lane(self) -> Lane:
        """Where whole samples may be sent while it is open, and nowhere else as long.

        Where it does not take them ``send_audio`` is to be asked: it waits, or says what is wrong.
        """
        ...


@runtime_checkable
class Following(Protocol):
    """A connection that says how far it is: audio may come faster than it is listened to."""

    @property
    def listened(self) -> float:
        """Leg seconds up to which every ``SpeechBegan`` has been handed over."""
        ...


@runtime_checkable
class Abandonable(Protocol):
    """A connection that can be let go without waiting for what it still has to say."""

    async def abandon(self) -> None:
        """Frees the connection at once; its callback may still be called."""
        ...


@runtime_checkable
class Budgeted(Protocol):
    """An engine that may use only so much of what it needs."""

    @property
    def budgets(self) -> tuple[BudgetUse, ...]:
        """How much of it is in use now."""
        ...


@runtime_checkable
class TranscriptionEngine(Protocol):
    """A recogniser that serves many legs at once."""

    @property
    def name(self) -> str:
        """How configuration and pages call it, for example ``whisper``."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions = ...,
    ) -> StreamingConnection:
        """Opens a leg. ``CapacityError`` when one more would ruin the others."""
        ...

    async def close(self) -> None:
        """Finishes all legs and frees the model or the sockets. Idempotent."""
        ...


@runtime_checkable
class ClipEngine(Protocol):
    """An engine that hears a short stretch again, as exactly as it can."""

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions = ...
    ) -> Result:
        """The words of up to 30 s at 16 kHz, -1 to 1, in one final; empty where there are none.

        ``options`` are those of the leg. Live legs come first, so it may take a while. A
        ``CallscribeError`` where it cannot be done.
        """
        ...


@runtime_checkable
class FileEngine(Protocol):
    """An engine that takes a recording as fast as it can."""

    async def transcribe_blocks(
        self,
        blocks: AsyncIterator[FloatArray],
        language: str,
        *,
        keyterms: tuple[str, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> list[Result]:
        """Finals of blocks at 16 kHz; ``on_progress`` hears the seconds that are done."""
        ...
