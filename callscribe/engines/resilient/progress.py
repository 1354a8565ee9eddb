"""How much of a leg is settled: every sample once, by a final, by silence or by a gap.

Places are samples on the leg's own clock. May import ``engines.base``, ``transcript`` and its own
room.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from callscribe.engines.base import EngineEvent, Silent, SpeechBegan, Unheard
from callscribe.engines.resilient.clip import clipped
from callscribe.transcript import Result


@dataclass(slots=True)
class Progress:
    """What has come in, and up to where it is final, silent, or said to be a gap."""

    rate: int
    received: int = 0
    settled: int = 0
    words_open: bool = False
    """Words stand that no end of an utterance has followed."""
    shown_from: int | None = None
    """Where the first word begins that is shown and has no final yet; None: none is."""
    shown_to: int = 0
    """Where the last word ends that was ever shown."""
    retold: int | None = None
    """Where the first word begins that was shown, and is not yet by who hears it once more; None:
    there is none."""
    speech_at: int = -1
    """Where it was told last that somebody begins to speak."""
    word_end: int = -1
    """Where the last final settled its words, if it was not asked for in their middle."""

    @property
    def first_shown(self) -> int | None:
        """Where the first word begins that was shown, by whomever, and has no final yet."""
        shown = [at for at in (self.retold, self.shown_from) if at is not None]
        return min(shown, default=None)

    def tell_again(self) -> None:
        """Another connection hears what is not settled."""
        self.retold, self.shown_from = self.first_shown, None

    def gap(self, until: int, reason: str) -> list[EngineEvent]:
        """Says that nobody heard what is not settled before ``until``."""
        if until <= self.settled:
            return []
        start, self.settled = self.settled, until
        self.words_open = False
        return [Unheard(start / self.rate, until / self.rate, reason)]

    def take(self, event: EngineEvent, sent: int) -> list[EngineEvent]:
        """What is new of an engine's event; it has heard the leg up to ``sent``."""
        if isinstance(event, Result):
            return self.result(event, sent)
        if isinstance(event, Silent):
            before = self.settled
            self._settle(event.until, sent)
            return [Silent(self.settled / self.rate)] if self.settled > before else []
        settled = self.settled / self.rate
        if isinstance(event, SpeechBegan):
            start = max(event.start, settled)
            self.speech_at = round(start * self.rate)
            return [SpeechBegan(start)]
        if isinstance(event, Unheard):
            start, end = max(event.start, settled), event.end
            self._settle(end, sent)
            return [replace(event, start=start, end=end)] if end > start else []
        return [event]

    def _settle(self, until: float, sent: int) -> None:
        """All before ``until`` (leg seconds) is written down for good, as far as it was sent."""
        self.settled = max(self.settled, min(round(until * self.rate), sent))

    def shows(self, result: Result) -> bool:
        """Notes an interim that is to be told as it is; false, and nothing is noted, for others.

        It notes what ``result`` would; nearly all are told as they are.
        """
        rate = self.rate
        if self.retold is not None or result.start < self.settled / rate:
            return False
        words = result.words
        if words:
            self.shown_from = round(words[0].start * rate)
            self.shown_to = max(self.shown_to, round(words[-1].end * rate))
        else:
            self.shown_from = None
        self.words_open = self.words_open or bool(result.text)
        return True

    def result(self, result: Result, sent: int) -> list[EngineEvent]:
        """What is new of a result; whose engine has heard the leg up to ``sent``."""
        rate = self.rate
        settled = self.settled / rate
        # Most begin where all before is settled.
        new = result if result.start >= settled else clipped(result, settled)
        self.shown_from = None
        if not new.is_final:
            if new.words:
                self.shown_from = round(new.words[0].start * rate)
                self.shown_to = max(self.shown_to, round(new.words[-1].end * rate))
            if self.retold is not None and not new.text:
                return []  # what was shown stands until it is shown again, or final
            self.retold = None
            if new.words or not result.words:
                self.words_open = self.words_open or bool(new.text)
                return [new]
            return []  # all of it has been final before
        self.retold = None
        self._settle(new.end if new.until is None else new.until, sent)
        self.word_end = self.settled if new.words and not new.from_finalize else -1
        self.words_open = (self.words_open or bool(new.text)) and not new.speech_final
        return [new]
