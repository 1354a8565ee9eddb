"""When an open utterance is decoded once more from its beginning, so that its interim mends.

Imports ``transcript``, ``vad`` and its own room only.
"""

from __future__ import annotations

from typing import Final

from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.guard import believable, repeats
from callscribe.engines.whisper.jobs import Span
from callscribe.transcript import Word
from callscribe.vad import Endpointer

LOOK_EVERY: Final = 1.6
"""Seconds of an open utterance after which all of it is decoded once more, with care."""
LOOK_EVERY_HARD: Final = 1.0
"""The same of a voice that is hard to hear: there it mends most."""
LONGEST_LOOK: Final = 16.0
"""Utterances longer than this are not: it would take too long."""
PAUSING: Final = 0.12
"""Seconds of silence after which an utterance is not looked at any more: it may be over."""
UNSURE: Final = 0.4
"""Seconds at the end of such a look whose words may change with what comes."""


def seen(span: Span, found: Hypothesis) -> list[Word]:
    """The words of a look that stand, on the leg's clock; none where it is not to be believed."""
    if not believable(found, span.evidence) or repeats(found.words):
        return []
    words = (word.moved(span.start) for word in found.words)
    return [word for word in words if word.end <= span.speech_end]


class Looks:
    """The looks at one leg's utterances; one at a time. Times are leg seconds."""

    def __init__(self) -> None:
        self._running = False
        self._looked_to = 0.0

    def begin(
        self, point: Endpointer, heard: float, generation: int, *, hard: bool = False
    ) -> Span | None:
        """What to look at now, all that was heard of the open utterance; None: it is not time."""
        if self._running or not point.open:
            return None
        if heard - point.speech_end > PAUSING:
            return None  # a final on suspicion is about to be wanted
        start = point.start
        every = LOOK_EVERY_HARD if hard else LOOK_EVERY
        if heard - max(start, self._looked_to) < every or heard - start > LONGEST_LOOK:
            return None
        self._looked_to, self._running = heard, True
        return Span(start, heard, heard - UNSURE, point.evidence, generation, look=True)

    def end(self) -> None:
        """The look that was begun has been decoded."""
        self._running = False
