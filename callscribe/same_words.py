"""The words that two legs both heard: the same, in the same order, at nearly the same time.

Core: no I/O; may import ``transcript`` and ``wer``. All times are float seconds on the call clock.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Final

from rapidfuzz.fuzz import ratio

from callscribe.transcript import Word
from callscribe.wer import normalize

EARLIEST: Final = -0.5
"""How much earlier than its source a leak may seem to be heard (s): clocks of two machines, and
word times, are not exact."""

LATEST: Final = 1.5
"""How much later (s)."""

STRAY: Final = 0.6
"""How far the lag of one word may be from that of the others (s)."""

READ_BACK: Final = 0.6
"""A lag above this share of the words' own duration is somebody who repeats them, unless it is
under ``-EARLIEST``."""

ALIKE: Final = 70.0
"""From here on two words are the same one, misheard (0 to 100)."""

APART: Final = 3
"""Steps at most from one word of a run to the next: two may be misheard between them."""

DENSE: Final = 0.65
"""The share of a run's words, on either side, that must be the same."""

LEAST_WORDS: Final = 3
LEAST_LETTERS: Final = 10
"""What the same words must be at least, courtesies not counted."""

COURTESIES: Final = frozenset(
    normalize(
        "oui non ok okay d'accord bonjour bonsoir allo merci beaucoup bien tres parfait super "
        "au revoir bonne journee soiree a bientot madame monsieur s'il vous plait de rien "
        "yes no yeah hello hi good morning afternoon thank thanks you very much right "
        "bye goodbye have nice day please alright sure welcome"
    )
)
"""What two people may well say at the same time."""


@dataclass(frozen=True, slots=True)
class Token:
    """A folded word, or a part of one: ``l'eau`` is two."""

    text: str
    start: float
    end: float
    confidence: float
    word: int


Pair = tuple[int, int]
"""The same word on two legs, by its number among the tokens of each."""

Run = list[Pair]
"""Such words one behind the other."""


def tokens(words: Iterable[Word]) -> Iterator[Token]:
    """Words as they are compared: without case, accents and punctuation; apostrophes split."""
    for index, word in enumerate(words):
        for text in _parts(word.text):
            yield Token(text, word.start, word.end, word.confidence, index)


@lru_cache(maxsize=8192)
def _parts(word: str) -> tuple[str, ...]:
    """What is compared of a word. Most words come again and again."""
    return tuple(map(_folded, normalize(word)))


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if not unicodedata.combining(char))


def same_words(left: Sequence[Token], right: Sequence[Token]) -> list[Run]:
    """What both legs heard, in order and with nearly the same lag, be it one word."""
    pairs = list(_candidates(left, right))
    chain = _longest_chain(pairs)
    if not chain:
        return []
    lag = median(left[i].start - right[j].start for i, j in chain)
    chain = _longest_chain(
        (i, j) for i, j in pairs if abs(left[i].start - right[j].start - lag) <= STRAY
    )
    return [run for run in _runs(chain) if _is_dense(run) and not _is_read_back(left, right, run)]


def _candidates(left: Sequence[Token], right: Sequence[Token]) -> Iterator[Pair]:
    by_time = sorted((token.start, j) for j, token in enumerate(right))
    for i, a in enumerate(left):
        # Either side may be the leak: that is not known yet.
        first = bisect_left(by_time, (a.start - LATEST,))
        last = bisect_left(by_time, (a.start + LATEST,))
        for _, j in by_time[first:last]:
            if _is_same(a.text, right[j].text):
                yield i, j


def _is_same(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) > 3 and ratio(a, b) >= ALIKE)


def _longest_chain(pairs: Iterable[Pair]) -> list[Pair]:
    """The most pairs that go forward on both sides."""
    lasts: list[int] = []
    ends: list[_Link] = []
    for i, j in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        length = bisect_left(lasts, j)
        link = _Link((i, j), ends[length - 1] if length else None)
        lasts[length : length + 1] = [j]
        ends[length : length + 1] = [link]
    chain: list[Pair] = []
    at = ends[-1] if ends else None
    while at is not None:
        chain.append(at.pair)
        at = at.before
    return chain[::-1]


@dataclass(frozen=True, slots=True)
class _Link:
    pair: Pair
    before: _Link | None


def _runs(chain: Iterable[Pair]) -> list[Run]:
    """A chain cut where too many words are missing on either side."""
    runs: list[Run] = []
    for i, j in chain:
        if runs and i - runs[-1][-1][0] <= APART and j - runs[-1][-1][1] <= APART:
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    return runs


def is_telling(left: Sequence[Token], run: Run) -> bool:
    """Whether that much, that near cannot have been said by two."""
    said = [left[number].text for number, _ in run if left[number].text not in COURTESIES]
    return len(said) >= LEAST_WORDS and sum(map(len, said)) >= LEAST_LETTERS


def _is_dense(run: Run) -> bool:
    (i, j), (k, m) = run[0], run[-1]
    return len(run) >= DENSE * max(k - i + 1, m - j + 1)


def _is_read_back(left: Sequence[Token], right: Sequence[Token], run: Run) -> bool:
    """Whether somebody repeats what was just said: the lag is as long as the words."""
    (i, j), (k, m) = run[0], run[-1]
    lasts = min(left[k].end - left[i].start, right[m].end - right[j].start)
    lag = median(left[i].start - right[j].start for i, j in run)
    return abs(lag) > max(-EARLIEST, READ_BACK * lasts)
