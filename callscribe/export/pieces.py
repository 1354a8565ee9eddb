"""An utterance as pieces that no line may break, each with its time. May import ``transcript``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callscribe.transcript import Utterance

BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
"""What a player or a parser would take for the end of a line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, or what stands for one, with its time on the call clock (s)."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Block:
    """Pieces of one speaker that are shown together; ``joiner`` stands between them.

    ``part`` is a number that the blocks of one cue have in common when they are cut further.
    """

    speaker: str
    pieces: tuple[Piece, ...]
    joiner: str = " "
    part: int = -1

    @property
    def start_ms(self) -> int:
        """When its first piece begins."""
        return round(self.pieces[0].start * 1000)

    @property
    def end_ms(self) -> int:
        """When its last piece ends."""
        return round(self.pieces[-1].end * 1000)


def block_of(utterance: Utterance) -> Block:
    """The words (or, without any, the text's parts spread over its time), never running back."""
    pieces: list[Piece] = []
    latest = 0.0
    for word in utterance.words:
        text = BREAKS.sub(" ", word.text).strip()
        if text:
            start = max(word.start, latest)
            latest = max(word.end, start)
            pieces.append(Piece(text, start, latest))
    if pieces:
        together = "".join(piece.text for piece in pieces)
        unspaced = len(pieces) > 1 and utterance.text == together
        return Block(utterance.speaker, tuple(pieces), "" if unspaced else " ")
    texts = utterance.text.split()
    step = max(utterance.end - utterance.start, 0.0) / max(sum(map(len, texts)), 1)
    start = max(utterance.start, 0.0)
    for text in texts:
        pieces.append(Piece(text, start, start + step * len(text)))
        start = pieces[-1].end
    return Block(utterance.speaker, tuple(pieces))
