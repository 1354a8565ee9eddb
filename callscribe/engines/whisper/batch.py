"""A whole recording, faster than it was spoken: cut by the VAD, decoded several utterances at once.

May import ``audio``, ``transcript``, ``vad`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import (
    BATCH_SECONDS,
    Hypothesis,
    WhisperDecoder,
    Window,
)
from callscribe.engines.whisper.finals import FINAL_BEAM, FINAL_PADDING, best_final, surer
from callscribe.engines.whisper.guard import believable, trim_tail
from callscribe.engines.whisper.jobs import CONTEXT, CONTEXT_SURE, ending, no_audio
from callscribe.transcript import Result, Word, join_text, mean_confidence
from callscribe.vad import CHUNK, Endpointer, EndpointRules, SpeechDetector, VoiceActivity
from callscribe.vad import Turn as Endpoint

BATCH: Final = 4
TAIL: Final = 0.3
LONGEST: Final = 28.0
"""Seconds of utterances that are decoded in one window: the model hears better in company."""
HEARD: Final = 0.4
"""Seconds of speech from which on an utterance that got no words in company is heard alone."""
TOGETHER: Final = 8.0
"""Seconds of silence over which utterances still share a window."""


GiveWay = Callable[[], None]


def at_once() -> None:
    """Gives way to nobody."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance in a recording, seconds; ``evidence`` as in ``Endpointer``."""

    start: float
    end: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring utterances cut out of a recording."""

    turns: tuple[Turn, ...]
    audio: FloatArray

    @property
    def start(self) -> float:
        """Where the audio begins, seconds of the recording."""
        return self.turns[0].start

    @property
    def evidence(self) -> float:
        """Seconds in which the VAD heard speech."""
        return sum(turn.evidence for turn in self.turns)

    def cut(self, turn: Turn) -> Piece:
        """One of the utterances alone."""
        low, high = (round((at - self.start) * RATE) for at in (turn.start, turn.end + TAIL))
        return Piece((turn,), self.audio[low:high])


class Voice:
    """The end of what a recording's voice said last."""

    def __init__(self) -> None:
        self.context = no_audio()

    def remember(self, piece: Piece, found: Hypothesis) -> None:
        """Keeps the end of a piece that was well understood."""
        if found.words and found.log_probability >= CONTEXT_SURE:
            self.context = ending(piece.audio, found.words, CONTEXT)


class Cutter:
    """Cuts a recording into utterances, and those into pieces, as its blocks come in."""

    def __init__(self, detect: VoiceActivity, rules: EndpointRules | None = None) -> None:
        self._detector = SpeechDetector(detect)
        self._endpointer = Endpointer(rules or EndpointRules())
        self._turns: list[Turn] = []
        """Utterances that wait for company."""
        self._kept = np.empty(0, np.float32)
        self._kept_from = 0
        self._judged = 0

    @property
    def seconds(self) -> float:
        """How much audio has been looked at."""
        return self._judged / RATE

    def push(self, block: FloatArray) -> list[Piece]:
        """Takes the next samples (16 kHz, -1 to 1); gives the pieces that ended in them."""
        self._kept = np.concatenate([self._kept, block])
        pieces: list[Piece] = []
        end = self._kept_from + len(self._kept)
        while self._judged + CHUNK <= end:
            at = self._judged - self._kept_from
            self._judged += CHUNK
            event = self._endpointer.push(self._detector(self._kept[at : at + CHUNK]))
            if event in (Endpoint.ENDED, Endpoint.OVERFLOWED):
                pieces += self._add()
            elif self._turns and self._is_alone():
                pieces += self._take()
        self._forget()
        return pieces

    def finish(self) -> list[Piece]:
        """What is open when the recording ends."""
        pieces = self._add() if self._endpointer.flush() else []
        return pieces + self._take()

    def _add(self) -> list[Piece]:
        """Takes in the utterance that ended; gives those before it if it does not fit to them."""
        point = self._endpointer
        turn = Turn(point.start, point.speech_end, point.evidence)
        together = self._turns and (
            turn.end - self._turns[0].start <= LONGEST
            and turn.start - self._turns[-1].end <= TOGETHER
        )
        pieces = [] if together else self._take()
        self._turns.append(turn)
        return pieces

    def _is_alone(self) -> bool:
        """No utterance that is yet to open will fit to those that wait."""
        return self._endpointer.earliest > self._turns[-1].end + TOGETHER

    def _take(self) -> list[Piece]:
        if not self._turns:
            return []
        turns, self._turns = tuple(self._turns), []
        low = max(round(turns[0].start * RATE) - self._kept_from, 0)
        high = round((turns[-1].end + TAIL) * RATE) - self._kept_from
        return [Piece(turns, self._kept[low:high].copy())]

    def _forget(self) -> None:
        oldest = self._turns[0].start if self._turns else self._endpointer.earliest
        spare = int(oldest * RATE) - self._kept_from
        if spare > 0:
            self._kept = self._kept[spare:].copy()
            self._kept_from += spare


def decode_pieces(
    decoder: WhisperDecoder,
    pieces: Sequence[Piece],
    language: str,
    prompt: str = "",
    voice: Voice | None = None,
    give_way: GiveWay = at_once,
) -> list[Result]:
    """Finals for the pieces, in their order; those that hold no believable words are left out.

    ``voice`` remembers what was said last, to hear unsure pieces again behind it; ``give_way`` is
    called before each decode and may wait.
    """
    voice = voice or Voice()
    order = sorted(range(len(pieces)), key=lambda index: len(pieces[index].audio))
    first: dict[int, Hypothesis] = {}
    windows = [Window(p.audio, language, FINAL_PADDING, FINAL_BEAM, prompt) for p in pieces]
    while order:
        fit = max(int(BATCH_SECONDS * RATE / max(len(pieces[order[-1]].audio), 1)), 1)
        indices, order = order[-min(fit, BATCH) :], order[: -min(fit, BATCH)]
        give_way()
        found = best_final(decoder, [windows[index] for index in indices])
        first.update(zip(indices, found, strict=True))
    results: list[Result] = []
    for index, piece in enumerate(pieces):
        give_way()
        best = surer(decoder, windows[index], voice.context, first[index])
        if not believable(best, piece.evidence):
            continue
        voice.remember(piece, best)
        timed = [word.moved(piece.start) for word in best.words]
        for turn, words in by_turn(piece.turns, timed):
            if not words and len(piece.turns) > 1 and turn.evidence >= HEARD:
                alone = [piece.cut(turn)]
                results += decode_pieces(decoder, alone, language, prompt, voice, give_way)
            elif kept := trim_tail(words, turn.end):
                results.append(_final(kept, language))
    return results


def by_turn(turns: Sequence[Turn], words: Sequence[Word]) -> list[tuple[Turn, list[Word]]]:
    """The words of each utterance: the border is halfway through the silence before the next.

    In a window of several the model's first word of an utterance begins where the last one ended:
    what counts is where it ends, and it begins with its utterance.
    """
    found: list[tuple[Turn, list[Word]]] = []
    left = list(words)
    for turn, after in pairwise(turns):
        border = turn.end + after.start
        count = next((i for i, w in enumerate(left) if 2 * w.end >= border), len(left))
        found.append((turn, left[:count]))
        left = left[count:]
    found.append((turns[-1], left))
    return [
        (turn, [w.at(min(max(w.start, turn.start), w.end), w.end) for w in said])
        for turn, said in found
    ]


def _final(words: Sequence[Word], language: str) -> Result:
    return Result(
        text=join_text(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        is_final=True,
        speech_final=True,
        words=tuple(words),
        confidence=mean_confidence(words),
        language=language,
    )


class Recording:
    """A recording under way: utterances wait until a batch is full, then are decoded together.

    ``give_way`` is called before each step and may wait for what is more urgent.
    """

    def __init__(
        self,
        decoder: WhisperDecoder,
        cutter: Cutter,
        language: str,
        prompt: str = "",
        give_way: GiveWay = at_once,
    ) -> None:
        self._decoder = decoder
        self._cutter = cutter
        self._language = None if language == "auto" else language
        self._prompt = prompt
        self._give_way = give_way
        self._waiting: list[Piece] = []
        self._voice = Voice()
        self.done = 0.0
        """Seconds of the recording whose words are known."""

    def push(self, block: FloatArray) -> list[Result]:
        """Takes the next samples; gives the finals of a batch when one is full."""
        self._give_way()
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
            self._give_way()
            self._language = detect_language(self._decoder, pieces)
        return decode_pieces(
            self._decoder, pieces, self._language, self._prompt, self._voice, self._give_way
        )


def detect_language(decoder: WhisperDecoder, pieces: Sequence[Piece]) -> str:
    """The language of the first pieces together, up to 30 s."""
    audio = np.concatenate([piece.audio for piece in pieces])[: 30 * RATE]
    return decoder.detect_language(audio)[0]
