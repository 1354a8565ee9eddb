"""A whole recording, faster than it was spoken: cut by the VAD, decoded several utterances at once.

May import ``audio``, ``transcript``, ``vad`` and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.finals import FINAL_BEAM, FINAL_PADDING, best_final, surer
from callscribe.engines.whisper.guard import believable, trim_tail
from callscribe.engines.whisper.jobs import CONTEXT, CONTEXT_SURE, ending, no_audio
from callscribe.transcript import Result, join_text, mean_confidence
from callscribe.vad import CHUNK, Endpointer, EndpointRules, SpeechDetector, Turn, VoiceActivity

BATCH: Final = 4
TAIL: Final = 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """One utterance cut out of a recording; times in seconds of the recording."""

    start: float
    speech_end: float
    evidence: float
    audio: FloatArray


class Voice:
    """The end of what a recording's voice said last."""

    def __init__(self) -> None:
        self.context = no_audio()

    def remember(self, piece: Piece, found: Hypothesis) -> None:
        """Keeps the end of a piece that was well understood."""
        if found.words and found.log_probability >= CONTEXT_SURE:
            self.context = ending(piece.audio, found.words, CONTEXT)


class Cutter:
    """Cuts a recording into utterances as its blocks come in."""

    def __init__(self, detect: VoiceActivity, rules: EndpointRules | None = None) -> None:
        self._detector = SpeechDetector(detect)
        self._endpointer = Endpointer(rules or EndpointRules())
        self._kept = np.empty(0, np.float32)
        self._kept_from = 0
        self._judged = 0

    @property
    def seconds(self) -> float:
        """How much audio has been looked at."""
        return self._judged / RATE

    def push(self, block: FloatArray) -> list[Piece]:
        """Takes the next samples (16 kHz, -1 to 1); gives the utterances that ended in them."""
        self._kept = np.concatenate([self._kept, block])
        pieces: list[Piece] = []
        end = self._kept_from + len(self._kept)
        while self._judged + CHUNK <= end:
            at = self._judged - self._kept_from
            self._judged += CHUNK
            turn = self._endpointer.push(self._detector(self._kept[at : at + CHUNK]))
            if turn in (Turn.ENDED, Turn.OVERFLOWED):
                pieces.append(self._piece())
        self._forget()
        return pieces

    def finish(self) -> list[Piece]:
        """The utterance that is open when the recording ends."""
        return [self._piece()] if self._endpointer.flush() else []

    def _piece(self) -> Piece:
        point = self._endpointer
        low = max(round(point.start * RATE) - self._kept_from, 0)
        high = round((point.speech_end + TAIL) * RATE) - self._kept_from
        audio = self._kept[low:high].copy()
        return Piece(point.start, point.speech_end, point.evidence, audio)

    def _forget(self) -> None:
        spare = int(self._endpointer.earliest * RATE) - self._kept_from
        if spare > 0:
            self._kept = self._kept[spare:].copy()
            self._kept_from += spare


def decode_pieces(
    decoder: WhisperDecoder,
    pieces: Sequence[Piece],
    language: str,
    prompt: str = "",
    voice: Voice | None = None,
) -> list[Result]:
    """Finals for the pieces, in their order; those that hold no believable words are left out.

    ``voice`` remembers what was said last, to hear unsure pieces again behind it.
    """
    voice = voice or Voice()
    order = sorted(range(len(pieces)), key=lambda index: len(pieces[index].audio))
    first: dict[int, Hypothesis] = {}
    windows = [Window(p.audio, language, FINAL_PADDING, FINAL_BEAM, prompt) for p in pieces]
    for at in range(0, len(order), BATCH):
        indices = order[at : at + BATCH]
        found = best_final(decoder, [windows[index] for index in indices])
        first.update(zip(indices, found, strict=True))
    results: list[Result] = []
    for index, piece in enumerate(pieces):
        best = surer(decoder, windows[index], voice.context, first[index])
        if not believable(best, piece.evidence):
            continue
        voice.remember(piece, best)
        timed = tuple(
            replace(w, start=w.start + piece.start, end=w.end + piece.start) for w in best.words
        )
        words = trim_tail(timed, piece.speech_end)
        if words:
            results.append(
                Result(
                    text=join_text(word.text for word in words),
                    start=words[0].start,
                    end=words[-1].end,
                    is_final=True,
                    speech_final=True,
                    words=words,
                    confidence=mean_confidence(words),
                    language=language,
                )
            )
    return results


class Recording:
    """A recording under way: utterances wait until a batch is full, then are decoded together."""

    def __init__(
        self, decoder: WhisperDecoder, cutter: Cutter, language: str, prompt: str = ""
    ) -> None:
        self._decoder = decoder
        self._cutter = cutter
        self._language = None if language == "auto" else language
        self._prompt = prompt
        self._waiting: list[Piece] = []
        self._voice = Voice()
        self.done = 0.0
        """Seconds of the recording whose words are known."""

    def push(self, block: FloatArray) -> list[Result]:
        """Takes the next samples; gives the finals of a batch when one is full."""
        self._waiting += self._cutter.push(block)
        if len(self._waiting) >= 2 * BATCH:
            return self._decode()
        if not self._waiting:
            self.done = self._cutter.seconds
        return []

    def finish(self) -> list[Result]:
        """The rest, when no more audio comes."""
        self._waiting += self._cutter.finish()
        return self._decode()

    def _decode(self) -> list[Result]:
        pieces, self._waiting = self._waiting, []
        self.done = self._cutter.seconds
        if not pieces:
            return []
        if self._language is None:
            self._language = detect_language(self._decoder, pieces)
        return decode_pieces(self._decoder, pieces, self._language, self._prompt, self._voice)


def detect_language(decoder: WhisperDecoder, pieces: Sequence[Piece]) -> str:
    """The language of the first pieces together, up to 30 s."""
    audio = np.concatenate([piece.audio for piece in pieces])[: 30 * RATE]
    return decoder.detect_language(audio)[0]
