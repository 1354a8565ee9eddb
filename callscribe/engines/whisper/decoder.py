"""The model itself: windows of audio in, hypotheses with timed words out, several at once.

Windows are encoded near their own length instead of being padded to 30 s. Everything here blocks
and belongs in a worker thread. May import ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from callscribe.engines.whisper.features import FRAMES_PER_SECOND, MAX_FRAMES, FloatArray, LogMel
from callscribe.engines.whisper.room import EncoderRoom
from callscribe.errors import ModelError
from callscribe.transcript import Word

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

TOKENS_PER_SECOND: Final = 8.0
"""More tokens than anybody speaks; a decoder that writes more is looping."""

SPARE_TOKENS: Final = 10

BATCH_SECONDS: Final = 60.0
"""The most audio that is encoded at once: 100 MB for each 30 s."""

ENCODED_AT_ONCE: Final = 3800
"""Frames of 10 ms that all threads together encode at once: memory for 38 s of audio."""

WHAT_TO_DO: Final = "fetch the model again, or name another with CALLSCRIBE_WHISPER_MODEL"
"""About a model that cannot be used."""

UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages that are written without spaces between words."""


@dataclass(frozen=True, slots=True)
class Window:
    """Audio to decode: 16 kHz, -1 to 1, at most 30 s, and how."""

    audio: FloatArray
    language: str
    padding: float
    """Seconds of silence given to the encoder behind the audio."""
    beam: int = 1
    prompt: str = ""
    """What was said before, or words to expect; biases the decoder."""
    timed: bool = True
    """Align the words: gives their times and confidences."""
    ban_repeats: bool = False


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the decoder made of a window; times are seconds from the window's first sample."""

    text: str
    words: tuple[Word, ...]
    log_probability: float
    """Mean over the tokens."""
    no_speech: float
    """Probability that the model gives to its no-speech token."""
    language: str
    seconds: float
    truncated: bool
    """The token bound was hit."""


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Says which file it was that could not be loaded; the libraries do not always."""
    try:
        yield
    except Exception as error:  # they have errors of every kind
        raise ModelError(f"{path} cannot be loaded ({error}); {WHAT_TO_DO}") from error


class WhisperDecoder:
    """One loaded model, shared by all legs; ``decode`` may be called from several threads.

    Making one loads the model and what runs it: do it off the event loop.
    """

    def __init__(self, folder: Path, *, threads: int, compute_type: str = "int8") -> None:
        # Imported here, in a thread: a server answers before it can listen.
        import ctranslate2
        from tokenizers import Tokenizer as HubTokenizer

        self._view = ctranslate2.StorageView.from_array
        with _blaming(folder / "model.bin"):
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device="cpu",
                compute_type=compute_type,
                inter_threads=max(1, threads),
                intra_threads=1,
            )
        self.threads = max(1, threads)
        self.multilingual = bool(self._model.is_multilingual)
        with _blaming(folder / "tokenizer.json"):
            self._hub = HubTokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizers: dict[str, Tokenizer] = {}
        self._room = EncoderRoom(ENCODED_AT_ONCE)
        self._mel = LogMel(int(self._model.n_mels))
        self._suppressed = [-1, *self._tokenizer("en").non_speech_tokens]

    def decode(
        self, windows: Sequence[Window], *, at_once: float = BATCH_SECONDS
    ) -> list[Hypothesis]:
        """Decodes the windows; alike in beam, language and prompt length they share a batch.

        Of ``at_once`` seconds at most: the encoder's memory grows with them.
        """
        groups: dict[tuple[Any, ...], list[int]] = {}
        prompts = [self._prompt(window) for window in windows]
        for index, window in enumerate(windows):
            key = (window.language, window.beam, len(prompts[index]), window.ban_repeats)
            groups.setdefault(key, []).append(index)
        lengths = [_frames(window) for window in windows]
        results: dict[int, Hypothesis] = {}
        for group in groups.values():
            for indices in _portions(group, lengths, int(at_once * FRAMES_PER_SECOND)):
                batch = [windows[index] for index in indices]
                found = self._batch(batch, [prompts[index] for index in indices])
                results.update(zip(indices, found, strict=True))
        return [results[index] for index in range(len(windows))]

    def detect_language(self, audio: FloatArray) -> tuple[str, float]:
        """The most probable language of up to 30 s of audio and its probability."""
        features = self._mel(audio, 5.0)
        with self._room.take(features.shape[1]):
            encoded = self._model.encode(self._view(features[None].copy()))
        token, probability = self._model.detect_language(encoded)[0][0]
        return token.strip("<|>"), float(probability)

    def _batch(self, windows: Sequence[Window], prompts: list[list[int]]) -> list[Hypothesis]:
        tokenizer = self._tokenizer(windows[0].language)
        frames = max(map(_frames, windows))
        features = np.stack([self._features(window, frames) for window in windows])
        with self._room.take(len(windows) * frames):
            encoded = self._model.encode(self._view(features))
        bound = SPARE_TOKENS + int(TOKENS_PER_SECOND * max(len(w.audio) for w in windows) / 16_000)
        bound = min(bound, 220)
        generated = self._model.generate(
            encoded,
            prompts,
            beam_size=windows[0].beam,
            # CTranslate2 gives the text half of this, and no more than the prompt leaves of it.
            max_length=bound + max(bound, len(prompts[0])),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            no_repeat_ngram_size=3 if windows[0].ban_repeats else 0,
        )
        texts = [[t for t in g.sequences_ids[0] if t < tokenizer.eot] for g in generated]
        words = self._align(encoded, tokenizer, texts, windows)
        hypotheses = []
        for window, result, tokens, timed in zip(windows, generated, texts, words, strict=True):
            hypotheses.append(
                Hypothesis(
                    text=tokenizer.decode(tokens).strip(),
                    words=timed,
                    log_probability=float(result.scores[0]),
                    no_speech=float(result.no_speech_prob),
                    language=window.language,
                    seconds=len(window.audio) / 16_000,
                    truncated=len(tokens) >= bound,
                )
            )
        return hypotheses

    def _features(self, window: Window, frames: int) -> FloatArray:
        padding = frames / FRAMES_PER_SECOND - len(window.audio) / 16_000
        features = self._mel(window.audio, max(0.0, padding))
        even = frames + frames % 2
        if features.shape[1] < even:
            gap = even - features.shape[1]
            features = np.pad(features, ((0, 0), (0, gap)), mode="edge")
        return features[:, :even]

    def _align(
        self,
        encoded: Any,  # noqa: ANN401 - ctranslate2 ships no types
        tokenizer: Tokenizer,
        texts: list[list[int]],
        windows: Sequence[Window],
    ) -> list[tuple[Word, ...]]:
        if not any(texts) or not any(window.timed for window in windows):
            return [() for _ in texts]
        heard = [min(len(w.audio) // 160 + 30, MAX_FRAMES, encoded.shape[1] * 2) for w in windows]
        aligned = self._model.align(
            encoded, tokenizer.sot_sequence, texts, heard, median_filter_width=7
        )
        return [
            _words(tokenizer, tokens, found.alignments, found.text_token_probs, len(w.audio) / 16e3)
            for tokens, found, w in zip(texts, aligned, windows, strict=True)
        ]

    def _prompt(self, window: Window) -> list[int]:
        tokenizer = self._tokenizer(window.language)
        start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        if not window.prompt:
            return start
        context = tokenizer.encode(" " + window.prompt.strip())[-200:]
        return [tokenizer.sot_prev, *context, *start]

    def _tokenizer(self, language: str) -> Tokenizer:
        known = self._tokenizers.get(language)
        if known is None:
            from faster_whisper.tokenizer import Tokenizer  # as above

            known = Tokenizer(self._hub, self.multilingual, "transcribe", language)
            self._tokenizers[language] = known
        return known


def _frames(window: Window) -> int:
    """How many frames a window takes, its padding included."""
    seconds = len(window.audio) / 16_000 + window.padding
    return min(math.ceil(seconds * FRAMES_PER_SECOND), MAX_FRAMES)


def _portions(indices: Sequence[int], frames: Sequence[int], most: int) -> Iterator[list[int]]:
    """Batches of windows of like length, of ``most`` frames: all are as long as the longest."""
    batch: list[int] = []
    for index in sorted(indices, key=lambda index: frames[index]):
        if batch and (len(batch) + 1) * frames[index] > most:
            yield batch
            batch = []
        batch.append(index)
    yield batch


def _words(
    tokenizer: Tokenizer,
    tokens: list[int],
    alignments: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    seconds: float,
) -> tuple[Word, ...]:
    """Words with times from the attention path: a token begins where the path first reaches it."""
    if not tokens:
        return ()
    begins: dict[int, float] = {}
    for token, frame in alignments:
        begins.setdefault(token, frame * 0.02)
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    words: list[Word] = []
    spaced = tokenizer.language_code not in UNSPACED
    index = 0
    for text, group in zip(texts[:-1], groups[:-1], strict=True):
        first, last = index, index + len(group)
        index = last
        chances = [max(float(p), 1e-6) for p in probabilities[first:last]] or [1e-6]
        confidence = math.exp(sum(map(math.log, chances)) / len(chances))
        start = min(begins.get(first, words[-1].end if words else 0.0), seconds)
        end = min(max(begins.get(last, seconds), start), seconds)
        glued = spaced and not text.startswith(" ")
        _append(words, text, start, end, confidence, glued=glued)
    return tuple(words)


def _append(
    words: list[Word], text: str, start: float, end: float, confidence: float, *, glued: bool
) -> None:
    """Adds a word; punctuation, and a piece that stands without a space, belongs to the last."""
    shown = text.strip()
    if not shown:
        return
    if words and (glued or not any(c.isalnum() for c in shown)):
        last = words[-1]
        spoken = any(c.isalnum() for c in shown)
        words[-1] = Word(
            last.text + text.rstrip(),
            last.start,
            end if spoken else last.end,
            min(last.confidence, confidence) if spoken else last.confidence,
        )
        return
    words.append(Word(shown, start, end, confidence))
