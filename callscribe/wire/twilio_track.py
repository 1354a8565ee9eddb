"""The order of one telephone track: what comes late, twice or not at all, by number and time.

Pure: time is passed in. ``Track.take`` gives what to hear next, so that the samples that have gone
out are always the time that has passed. May import ``errors`` and ``wire.twilio``.

A frame whose number is the next one goes out at once. Where a number is missing, what came after
it is held back for a moment (``WINDOW``); then what is missing becomes a ``Gap``. The time stamps
say how long it is, also where no number is missing: a network may lose audio before Twilio counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callscribe.errors import ProtocolError
from callscribe.wire.twilio import RATE

WINDOW: Final = 0.2
"""Seconds that a missing frame is waited for, of the track's time and of real time."""

JITTER: Final = 20 * RATE // 1000
"""Samples that a time stamp may be wrong by; from there on it is believed."""

USUAL: Final = 1000
"""Milliseconds by which a frame may be ahead of the one before without another look."""

FARTHEST: Final = 60.0
"""Seconds that a time stamp may run ahead of the clock."""

LONGEST: Final = 3600.0
"""Seconds of silence that are filled in for one gap."""

SILENCE: Final = b"\xff" * RATE
"""A second of mu-law silence."""

REMEMBERED: Final = 64
"""Stretches of lost numbers that are remembered, to tell a late frame from a doubled one."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples ``first`` to ``last`` (not included) of the leg did not come."""

    first: int
    last: int

    @property
    def start(self) -> float:
        """Seconds since the leg's first sample."""
        return self.first / RATE

    @property
    def end(self) -> float:
        """Seconds since the leg's first sample."""
        return self.last / RATE

    def silence(self) -> Iterator[bytes]:
        """What to hear instead, in pieces of a second at most."""
        missing = self.last - self.first
        for _ in range(missing // RATE):
            yield SILENCE
        if missing % RATE:
            yield SILENCE[: missing % RATE]


Piece = bytes | Gap


@dataclass(frozen=True, slots=True)
class _Held:
    timestamp: int
    audio: bytes
    since: float


class Track:
    """One track of one stream.

    ``begin`` says where the leg stands when it is taken up again: the samples that it has, and its
    first sample in ms on the stream's clock (below 0). Without, the first frame is its first.
    """

    __slots__ = (
        "_given_up",
        "_held",
        "_newest",
        "_next",
        "_resumed",
        "_seen_at",
        "doubled",
        "late",
        "lost",
        "sent",
        "zero",
    )

    def __init__(self, begin: tuple[int, int] | None = None) -> None:
        self.sent = 0
        """Samples that have been given out, silence included."""
        self.zero: int | None = None
        """The leg's first sample in ms on the stream's clock; None until there is one."""
        self.doubled = 0
        """Frames that had come already."""
        self.late = 0
        """Frames that came after they were given up, or whose time had passed."""
        self.lost = 0
        """Frames that were given up."""
        self._resumed = begin is not None
        if begin is not None:
            self.sent, self.zero = begin
        self._next = 1
        self._held: dict[int, _Held] = {}
        self._given_up: deque[range] = deque(maxlen=REMEMBERED)
        self._seen_at: float | None = None
        self._newest = 0

    def take(self, chunk: int, timestamp: int, audio: bytes, now: float) -> Sequence[Piece]:
        """A frame has come, ``now`` (monotonic s): what to hear next, in order.

        ``timestamp`` is in ms on the stream's clock. ``ProtocolError`` for one that cannot be; the
        track is then as it was.
        """
        if self.follows(chunk, timestamp, audio, now):
            return (audio,)
        self._check(chunk, timestamp, audio, now)
        if chunk == self._next and not self._held:
            return self._release(chunk, timestamp, audio)
        if chunk < self._next or chunk in self._held:
            self._count_old(chunk)
            return ()
        self._held[chunk] = _Held(timestamp, audio, now)
        return self._let_go(now)

    def follows(self, chunk: int, timestamp: int, audio: bytes, now: float) -> bool:
        """Whether a frame comes just where and when the one behind the last was to come.

        It is then to be heard next, and nothing else. Nearly always; else it is for ``take``.
        """
        zero = self.zero
        if chunk != self._next or zero is None or self._held or self._resumed:
            return False
        sent = self.sent
        off = (timestamp - zero) * RATE // 1000 - sent
        if (
            not -JITTER < off < JITTER
            or not 0 <= timestamp - self._newest < USUAL
            or self._seen_at is None
            or not audio
        ):
            return False
        self._next = chunk + 1
        self._seen_at = now
        self._newest = timestamp
        self.sent = sent + len(audio)
        return True

    def finish(self) -> Sequence[Piece]:
        """The stream is over: what is still held back."""
        pieces: list[Piece] = []
        while self._held:
            pieces += self._skip()
        return pieces

    def _check(self, chunk: int, timestamp: int, audio: bytes, now: float) -> None:
        if not audio:
            raise ProtocolError("a media message without any audio")
        if chunk < 1 or timestamp < 0:
            raise ProtocolError(f"media chunk {chunk} at {timestamp} ms cannot be")
        ahead, most = self._jump(timestamp, now)
        if not -FARTHEST <= ahead <= most:
            raise ProtocolError(f"media chunk {chunk} is {ahead:+.0f} s from the one before")
        if chunk - self._next > 1000 * (max(ahead, 0.0) + FARTHEST):  # a frame has 1 ms at least
            raise ProtocolError(f"media chunk {chunk} comes where {self._next} was to come")
        self._seen_at = now
        self._newest = max(self._newest, timestamp)

    def _jump(self, timestamp: int, now: float) -> tuple[float, float]:
        """How far a time stamp is ahead of the newest one, and how far it may be (s)."""
        if self._seen_at is not None:
            since = now - self._seen_at
            return (timestamp - self._newest) / 1000, min(since + FARTHEST, LONGEST)
        if self._resumed and self.zero is not None:  # the leg may have waited a while
            return (timestamp - self.zero) / 1000 - self.sent / RATE, LONGEST
        return 0.0, LONGEST

    def _count_old(self, chunk: int) -> None:
        if any(chunk in numbers for numbers in self._given_up):
            self.late += 1
        else:
            self.doubled += 1

    def _let_go(self, now: float) -> list[Piece]:
        pieces: list[Piece] = []
        while self._held:
            if self._next in self._held:
                frame = self._held.pop(self._next)
                pieces += self._release(self._next, frame.timestamp, frame.audio)
            elif self._waited(now):
                pieces += self._skip()
            else:
                break
        return pieces

    def _waited(self, now: float) -> bool:
        """Whether what is missing has been waited for long enough."""
        oldest = self._held[min(self._held)]
        waited = now - min(frame.since for frame in self._held.values())
        return waited >= WINDOW or self._newest - oldest.timestamp >= WINDOW * 1000

    def _skip(self) -> Sequence[Piece]:
        """Gives up what is missing before the oldest frame that is held."""
        chunk = min(self._held)
        frame = self._held.pop(chunk)
        missing = chunk - self._next
        self.lost += missing
        if missing:
            self._given_up.append(range(self._next, chunk))
        if self.zero is None:  # as long as what came, but not before the stream's start
            self.zero = max(0, frame.timestamp - missing * len(frame.audio) * 1000 // RATE)
        return self._release(chunk, frame.timestamp, frame.audio, certain=missing > 0)

    def _release(
        self, chunk: int, timestamp: int, audio: bytes, *, certain: bool = False
    ) -> Sequence[Piece]:
        """Puts a frame where its time stamp says.

        ``certain``: it is known that something is missing, so the time stamp is believed exactly.
        """
        self._next = chunk + 1
        if self.zero is None:
            self.zero = timestamp
        off = (timestamp - self.zero) * RATE // 1000 - self.sent
        if self._resumed:  # the two streams' clocks are matched by when they came
            self._resumed = False
            if off < 0:
                self.zero += off * 1000 // RATE
                off = 0
        if -JITTER < off < JITTER and not (certain and off > 0):
            self.sent += len(audio)
            return (audio,)
        if off > 0:
            gap = Gap(self.sent, self.sent + off)
            self.sent = gap.last + len(audio)
            return (gap, audio)
        if -off >= len(audio):
            self.late += 1
            return ()
        self.sent += len(audio) + off
        return (audio[-off:],)
