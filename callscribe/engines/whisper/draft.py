"""The open utterance as far as it is recognised: which words stand, which still may change.

Imports ``transcript`` and its own room only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from callscribe.engines.whisper.agreement import agreed, bare, cut_point
from callscribe.transcript import Word, join_text

SETTLED: Final = 0.7
"""An interim window keeps at least this much audio behind its newest stable words, seconds."""
WORTH_TRIMMING: Final = 1.8
"""Windows longer than this give up their stable words, seconds."""

PROMPT_WORDS: Final = 12
LONGEST: Final = 6.0
"""A window this long gives up its older words even if they are not stable yet, seconds."""


class Draft:
    """Words that have left the window, words that are in it, and where the window begins."""

    def __init__(self, start: float) -> None:
        self.settled: list[Word] = []
        self.hypothesis: list[Word] = []
        self.window_start = start
        self.decoded_to = start
        self.shown = ""

    @property
    def prompt(self) -> str:
        """The end of what has settled, for the decoder to go on from."""
        return join_text(word.text for word in self.settled[-PROMPT_WORDS:])

    def take(self, words: Sequence[Word], heard: float) -> list[Word]:
        """Takes a hypothesis of the window up to ``heard``; gives the whole utterance's words."""
        words = [w for w in words if (w.start + w.end) / 2 >= self.window_start - 0.1]
        if self.settled and words and bare(words[0].text) == bare(self.settled[-1].text):
            words.pop(0)  # the cut went through the end of the last settled word
        while words and _half_heard(words[-1], heard):
            words.pop()
        stable = agreed(self.hypothesis, words)
        whole = [*self.settled, *words]
        self.hypothesis = words
        if heard - self.window_start > WORTH_TRIMMING:
            count = cut_point(words, stable, heard - SETTLED)
            if not count and heard - self.window_start > LONGEST:
                count = sum(w.end <= heard - LONGEST / 2 for w in words)
            if count:
                self.settled += words[:count]
                self.hypothesis = words[count:]
                self.window_start = max(words[count - 1].end - 0.05, self.window_start)
        return whole

    def is_news(self, text: str) -> bool:
        """Whether this text differs from what was shown last, which it then is."""
        if not text or text == self.shown:
            return False
        self.shown = text
        return True

    def settle(self, words: Sequence[Word], until: float) -> list[Word]:
        """Takes a careful decode of all up to a pause at ``until``; gives the whole utterance."""
        later = [w for w in [*self.settled, *self.hypothesis] if w.start >= until]
        self.settled = list(words)
        self.hypothesis = later
        self.window_start = until
        return [*words, *later]

    def cut(self, at: float) -> None:
        """What was said before ``at`` has become final."""
        self.settled = [w for w in self.settled if w.start >= at]
        self.hypothesis = [w for w in self.hypothesis if w.start >= at]
        self.window_start = max(self.window_start, at)
        self.shown = ""


def _half_heard(word: Word, heard: float) -> bool:
    """A word at the very end of the window, cut off or made up from what was cut off."""
    return word.end > heard - 0.06 and word.confidence < 0.4
