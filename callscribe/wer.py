"""How wrong a transcript is: the word error rate, the measure the field compares by.

Core: no I/O, imports nothing of ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_SPLITS = re.compile(r"['’ʼ‘\-‐‑–—/]")  # l'écran, peut-être: two words, however they are typed
_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")
_POINT = "\ue000"


@dataclass(frozen=True, slots=True)
class WordErrors:
    """How a text differs from its reference, counted in words."""

    words: int
    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Everything that is wrong."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per word of the reference: 0.0 is right; insertions can carry it over 1.0."""
        return self.errors / self.words if self.words else float(self.errors > 0)

    @property
    def recall(self) -> float:
        """The share of the reference's words that are there, 0 to 1."""
        return self.hits / self.words if self.words else 1.0


def normalize(text: str) -> list[str]:
    """The words that are compared: NFKC, lower case, without punctuation, apostrophes split.

    Numbers stay as they are written: ``3,5`` is not ``35``.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    text = _SPLITS.sub(" ", text)
    text = _IN_NUMBER.sub(lambda found: _POINT if found[0] == "." else _POINT * 2, text)
    kept = "".join(char for char in text if unicodedata.category(char)[0] not in "PS")
    return kept.replace(_POINT * 2, ",").replace(_POINT, ".").split()


def word_errors(reference: str, hypothesis: str) -> WordErrors:
    """Compares two texts after ``normalize``."""
    return align(normalize(reference), normalize(hypothesis))


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> WordErrors:
    """The Levenshtein alignment of two lists of words, counted."""
    # One row of (errors, substitutions, deletions, insertions) for the reference read so far.
    row = [(count, 0, 0, count) for count in range(len(hypothesis) + 1)]
    for index, word in enumerate(reference, 1):
        left = (index, 0, index, 0)
        new = [left]
        for column, other in enumerate(hypothesis, 1):
            diagonal, above = row[column - 1], row[column]
            if word == other:
                left = diagonal
            else:
                left = min(
                    (diagonal[0] + 1, diagonal[1] + 1, diagonal[2], diagonal[3]),
                    (above[0] + 1, above[1], above[2] + 1, above[3]),
                    (left[0] + 1, left[1], left[2], left[3] + 1),
                )
            new.append(left)
        row = new
    _, substitutions, deletions, insertions = row[-1]
    return WordErrors(
        words=len(reference),
        hits=len(reference) - substitutions - deletions,
        substitutions=substitutions,
        deletions=deletions,
        insertions=insertions,
    )
