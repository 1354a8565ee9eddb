"""A leg's utterances on their way to a final: which end, which go on, which wait.

Times are leg seconds. May import ``vad`` and its own room.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.jobs import Span
from callscribe.vad import Endpointer

TAIL: Final = 0.3
"""Seconds of audio after the last speech that a final still looks at."""
ATTEMPTS: Final = 2
"""How often an utterance is given to a decoder that breaks over it."""


class Spans:
    """The utterances of one leg that have no final yet, in order.

    The last one may have no end: it is decoded on suspicion, because the speaker pauses.
    """

    def __init__(self) -> None:
        self._spans: deque[Span] = deque()
        self.stale: Span | None = None
        """Is being decoded although its utterance went on."""

    def __bool__(self) -> bool:
        return bool(self._spans)

    @property
    def backlog(self) -> float:
        """Seconds of ended utterances that still wait for their final."""
        return sum(span.end - span.start for span in self._spans if span.ended)

    @property
    def waiting(self) -> Span | None:
        """The first utterance that has ended."""
        return next((span for span in self._spans if span.ended), None)

    @property
    def busy(self) -> bool:
        """Something has ended, or is being decoded."""
        return any(span.ended or span.running for span in self._spans)

    def pause(self, point: Endpointer, generation: int) -> None:
        """The speaker pauses: perhaps that was it."""
        if self.stale is None:
            end = point.speech_end
            self._spans.append(Span(point.start, end + TAIL, end, point.evidence, generation))

    def resume(self) -> None:
        """The speaker goes on: a pause was no end."""
        if self._spans and not self._spans[-1].ended:
            span = self._spans.pop()
            if span.running:
                span.stale = True
                self.stale = span

    def end(
        self, point: Endpointer, heard: float, *, generation: int, endpoint: bool, forced: bool
    ) -> None:
        """The open utterance has ended, or (no ``endpoint``) it grew too long and is cut."""
        tail = self._spans[-1] if self._spans else None
        if tail is None or tail.ended:
            end = min(point.speech_end + TAIL, heard) if endpoint else point.now
            tail = Span(point.start, end, point.speech_end, point.evidence, generation)
            self._spans.append(tail)
        tail.ended = True
        tail.until = min(tail.end, point.now)
        tail.endpoint = endpoint
        tail.forced = forced

    def lose(self, start: float, end: float, generation: int, found: Hypothesis) -> None:
        """What was said here is lost before any decoder saw it; ``found`` says nothing."""
        span = Span(start, end, end, 0.0, generation, ended=True)
        span.until, span.failures, span.hypothesis = end, ATTEMPTS, found
        self._spans.append(span)

    def to_decode(self) -> Span | None:
        """The next that wants words; none while another one is being decoded."""
        if self.stale is not None:
            return None  # what comes back may shorten the next one
        for span in self._spans:
            if span.running:
                return None
            if span.hypothesis is None:
                return span
        return None

    def pop_done(self) -> Span | None:
        """The first one, if it has ended and its words are there; it is taken out."""
        if self._spans and self._spans[0].ended and self._spans[0].hypothesis is not None:
            return self._spans.popleft()
        return None

    def oldest(self, earliest: float) -> float:
        """Where the audio begins that is still needed, ``earliest`` if not before."""
        starts = [self._spans[0].start] if self._spans else []
        if self.stale is not None:
            starts.append(self.stale.start)
        return min([earliest, *starts])
