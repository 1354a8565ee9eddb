"""Which words of a growing hypothesis will stay: agreement between successive hypotheses.

A word is stable once two hypotheses running agree on it and on all before it (Liu et al.,
"Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection", Interspeech 2020). Stable words leave the window that is decoded. Imports
``transcript`` only.
"""

from __future__ import annotations

from collections.abc import Sequence

from callscribe.transcript import Word

SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")


def bare(text: str) -> str:
    """A word without case and punctuation, for comparing."""
    return "".join(c for c in text.casefold() if c.isalnum())


def agreed(before: Sequence[Word], now: Sequence[Word]) -> int:
    """How many words at the head of both hypotheses are the same."""
    count = 0
    for old, new in zip(before, now, strict=False):
        if bare(old.text) != bare(new.text):
            break
        count += 1
    return count


def cut_point(words: Sequence[Word], stable: int, latest: float) -> int:
    """How many of the first ``stable`` words may leave the window; 0 for none.

    A cut needs words that end before ``latest`` (seconds). The end of a sentence is best, else a
    comma or an audible gap, else any word but the last stable one.
    """
    usable = [i + 1 for i in range(min(stable, len(words) - 1)) if words[i].end <= latest]
    for good in (_ends_sentence, _ends_phrase):
        for count in reversed(usable):
            if good(words, count):
                return count
    return usable[-1] if len(usable) >= 3 else 0


def _ends_sentence(words: Sequence[Word], count: int) -> bool:
    return words[count - 1].text.endswith(SENTENCE_END)


def _ends_phrase(words: Sequence[Word], count: int) -> bool:
    return (
        words[count - 1].text.endswith((",", ";", ":"))
        or words[count].start - words[count - 1].end > 0.15
    )
