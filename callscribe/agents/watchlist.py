"""Alerts where a phrase of a list is said, or nearly said. May import ``agents.base`` and core.

Phrases and speech are compared as rows of letters without accents, case and spaces, since a
recogniser splits and joins words as it likes; a place begins and ends with a word all the same.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from callscribe.agents.base import Call, Finding
from callscribe.errors import ConfigurationError
from callscribe.events import FinalResult
from callscribe.transcript import Word, mean_confidence

SCORE = 0.82
"""How alike a place has to be: one letter in six may differ."""

SPLIT_SCORE = 0.9
"""The same where the words are divided in another way."""

FEW = 100
"""Words times phrases that are compared at once: a thread costs as much."""

LETTERS = 4
"""Letters of a word at least, on average."""

LEAST = 6
"""Letters that a phrase needs before any of them may differ: "suite" is not "fuite"."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a phrase is: the first and the last word, and how alike it is (0 to 1)."""

    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    letters: str
    parts: int


@dataclass(frozen=True, slots=True)
class _Piece:
    letters: str
    word: int


def fold(text: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def parse_watchlist(value: str) -> tuple[str, ...]:
    """The phrases of a setting: separated by ``;``, or one on a line of the file that it names.

    Lines that begin with ``#`` are left out. ``ConfigurationError`` where the file is not there.
    """
    path = Path(value.strip())
    looks_like_a_file = ";" not in value and (path.suffix or len(path.parts) > 1)
    if looks_like_a_file and (path.is_absolute() or not re.search(r"\s", value.strip())):
        try:
            parts = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"CALLSCRIBE_WATCHLIST names the file {path}, which cannot be read: give phrases "
                "separated by `;`, or a file in UTF-8 with one phrase on a line"
            ) from error
    else:
        parts = value.split(";")
    stripped = (" ".join(part.split()) for part in parts)
    return tuple(dict.fromkeys(p for p in stripped if p and not p.startswith("#")))


def find(phrases: Iterable[_Phrase], words: Sequence[str]) -> Iterator[tuple[_Phrase, list[Hit]]]:
    """The places of each phrase, in order, none of them over another."""
    pieces = list(_pieces(words))
    for phrase in phrases:
        hits: list[Hit] = []
        for hit in sorted(_candidates(phrase, pieces), key=lambda h: (-h.score, h.first)):
            if all(hit.last < other.first or hit.first > other.last for other in hits):
                hits.append(hit)
        if hits:
            yield phrase, sorted(hits, key=lambda hit: hit.first)


def _pieces(words: Sequence[str]) -> Iterator[_Piece]:
    for place, word in enumerate(words):
        for letters in re.findall(r"[^\W_]+", fold(word)):
            yield _Piece(letters, place)


def _candidates(phrase: _Phrase, pieces: Sequence[_Piece]) -> Iterator[Hit]:
    length = len(phrase.letters)
    room = int(length * (1 - SCORE) / SCORE) + 1
    for begin in range(len(pieces)):
        letters = ""
        for end in range(begin, len(pieces)):
            letters += pieces[end].letters
            if len(letters) > length + room:
                break
            if len(letters) >= length - room:
                score = _score(phrase, letters, end - begin + 1)
                if score:
                    yield Hit(pieces[begin].word, pieces[end].word, score)


def _score(phrase: _Phrase, letters: str, parts: int) -> float:
    """How alike letters are to a phrase; 0.0 when they are not alike enough."""
    wanted = phrase.letters
    if letters == wanted:
        return 1.0
    if parts == phrase.parts and letters in (wanted + "s", wanted + "x"):
        return 0.99
    if len(wanted) < LEAST or letters[0] != wanted[0]:
        return 0.0
    same = parts == phrase.parts
    least = SCORE if same else SPLIT_SCORE
    score = Levenshtein.normalized_similarity(wanted, letters, score_cutoff=least)
    # "carte bleu" rather than "carte bleu et", which is as near to "carte bleue".
    return score if same or not score else score - 0.05


def make_phrases(texts: Iterable[str]) -> tuple[_Phrase, ...]:
    """Phrases ready to be found; those without a letter or digit are left out."""
    made = []
    for text in texts:
        parts = [piece.letters for piece in _pieces(text.split())]
        if parts:
            made.append(_Phrase(text, "".join(parts), len(parts)))
    return tuple(made)


class WatchlistAgent:
    """Raises an alert for every place where one of the phrases is said."""

    name = "watchlist"

    def __init__(self, phrases: Sequence[str]) -> None:
        self._phrases = make_phrases(phrases)

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:  # noqa: ARG002
        """The alerts of a final; one that is repeated as its utterance grows has the same key."""
        if not final.text or final.leak_of:
            return []
        words = max(len(final.words), len(final.text) // LETTERS)
        if words * len(self._phrases) <= FEW:
            return self._alerts(final)
        return await asyncio.to_thread(self._alerts, final)

    def _alerts(self, final: FinalResult) -> list[Finding]:
        words = final.words or _without_times(final)
        return [
            _alert(final, phrase, hit, words, number)
            for phrase, hits in find(self._phrases, [word.text for word in words])
            for number, hit in enumerate(hits, 1)
        ]


def _without_times(final: FinalResult) -> tuple[Word, ...]:
    """The words of a final whose engine gave none: each might be anywhere in it."""
    return tuple(Word(t, final.start, final.end, final.confidence) for t in final.text.split())


def _alert(
    final: FinalResult, phrase: _Phrase, hit: Hit, words: Sequence[Word], number: int
) -> Finding:
    heard = words[hit.first : hit.last + 1]
    return Finding(
        kind="alert",
        # The how-manieth of its utterance: times may move a little when an utterance grows.
        key=f"{final.utterance_id}:{phrase.letters}:{number}",
        utterance_ids=(final.utterance_id,),
        body={
            "phrase": phrase.text,
            "score": round(hit.score, 3),
            "heard": " ".join(word.text for word in heard),
            "speaker": final.speaker,
            "start": round(heard[0].start, 3),
            "end": round(heard[-1].end, 3),
            "confidence": round(mean_confidence(heard), 4),
            "first_word": hit.first,
            "last_word": hit.last,
            "words": [word.to_dict() for word in heard],
        },
    )
