"""One leg in the local engine: audio in, decode jobs out, hypotheses in, results out.

No thread, no clock, no model call in here: the conductor feeds it, asks for jobs, has them decoded
and hands the hypotheses back. Time is audio time; what wall time is needed is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from callscribe.audio import AudioBuffer, FloatArray, Resampler, pcm_to_samples, to_float
from callscribe.engines.base import SpeechBegan
from callscribe.engines.whisper.agreement import agreed, bare, cut_point
from callscribe.engines.whisper.decoder import Hypothesis, Window
from callscribe.engines.whisper.finals import UNSURE
from callscribe.engines.whisper.guard import believable, repeats, trim_tail
from callscribe.transcript import Result, Word, join_text, mean_confidence
from callscribe.vad import CHUNK, Endpointer, EndpointRules, SpeechDetector, Turn

TAIL: Final = 0.3
"""Seconds of audio after the last speech that a final still looks at."""

LONGEST_WINDOW: Final = 29.0
INTERIM_PADDING: Final = 1.2
SETTLED: Final = 0.7
"""An interim window keeps at least this much audio behind its newest stable words, seconds."""
WORTH_TRIMMING: Final = 1.8
SHORTEST_INTERIM: Final = 0.5
CONTEXT: Final = 4.0
"""Seconds of the leg's last utterance that are kept for a second opinion on the next."""
CONTEXT_SURE: Final = -0.6
"""What was understood less surely than this helps nobody."""

Detect = Callable[[FloatArray], float]


def _no_audio() -> FloatArray:
    return np.empty(0, np.float32)


@dataclass(slots=True)
class Span:
    """An utterance, or the piece of one, that a final covers."""

    start: float
    end: float
    speech_end: float
    evidence: float
    ended: bool = False
    """False: decoded on suspicion during a pause, the utterance may go on."""
    endpoint: bool = True
    """False: cut because it grew too long; the utterance goes on."""
    hypothesis: Hypothesis | None = None
    running: bool = False
    stale: bool = False
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A window to decode for one leg; ``offset`` is the window's first sample in leg seconds."""

    stream: LegStream
    kind: Literal["interim", "final"]
    window: Window
    offset: float
    evidence: float
    span: Span | None = None
    generation: int = 0
    detect: bool = False
    """The leg's language is not known yet: detect it before decoding."""
    context: FloatArray = field(default_factory=_no_audio)
    """What the same voice said before the window."""
    unsure: bool = False
    """The interims of this utterance were unsure: a final deserves a second opinion."""


@dataclass(slots=True)
class Draft:
    """The open utterance as far as it is recognised."""

    settled: list[Word] = field(default_factory=list)
    """Words that have left the window."""
    hypothesis: list[Word] = field(default_factory=list)
    window_start: float = 0.0
    decoded_to: float = 0.0
    shown: str = ""
    log_probability: float = 0.0
    """Of the newest hypothesis."""


class LegStream:
    """The state of one leg; to be used by one thread at a time."""

    def __init__(
        self,
        *,
        sample_rate: int,
        language: str,
        detect: Detect,
        rules: EndpointRules,
        keyterms: Iterable[str] = (),
        interim_results: bool = True,
    ) -> None:
        self.language = None if language == "auto" else language
        self.interim_results = interim_results
        self._rate = sample_rate
        self._resampler = Resampler(sample_rate)
        self._buffer = AudioBuffer()
        self._rest = np.empty(0, np.int16)
        self._detector = SpeechDetector(detect)
        self._endpointer = Endpointer(rules)
        # A list that ends like a sentence biases the decoder; without the stop it runs on.
        self._vocabulary = vocabulary_prompt(keyterms)
        self._draft = Draft()
        self._spans: deque[Span] = deque()
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=512)
        self._context = _no_audio()
        self._generation = 0
        self._interim_running = False
        self._finished = False

    @property
    def heard(self) -> float:
        """Seconds of audio taken in."""
        return self._buffer.end

    @property
    def backlog(self) -> float:
        """Seconds of ended utterances that still wait for their final."""
        return sum(span.end - span.start for span in self._spans if span.ended)

    @property
    def idle(self) -> bool:
        """Nothing is open, nothing waits."""
        return not self._spans and not self._endpointer.open

    def feed(self, pcm: bytes, arrived: float, *, last: bool = False) -> list[SpeechBegan]:
        """Takes the next PCM (at the leg's own rate); ``arrived`` is a monotonic time."""
        samples = self._resampler.push(pcm_to_samples(pcm), last=last)
        self._buffer.append(samples)
        end = self._buffer.end
        if not self._arrivals or end - self._arrivals[-1][0] >= 0.1:
            self._arrivals.append((end, arrived))
        began: list[SpeechBegan] = []
        pending = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(pending) - len(pending) % CHUNK
        for index in range(0, whole, CHUNK):
            turn = self._endpointer.push(self._detector(to_float(pending[index : index + CHUNK])))
            if turn is not Turn.NOTHING:
                began += self._turn(turn)
        self._rest = pending[whole:].copy()
        self._forget()
        return began

    def finalize(self) -> None:
        """Ends the open utterance where the audio now ends."""
        open_before = self._endpointer.open
        if self._endpointer.flush() and open_before:
            self._end_span(forced=True)

    def finish(self, arrived: float) -> None:
        """No more audio comes: what the resampler holds is taken and the last utterance ends."""
        if not self._finished:
            self._finished = True
            self.feed(b"", arrived, last=True)
            self.finalize()

    # --- jobs ---------------------------------------------------------------------------------

    def final_job(self, *, beam: int, padding: float) -> Job | None:
        """The next final to decode, if none of this leg's is being decoded."""
        for span in self._spans:
            if span.running:
                return None
            if span.hypothesis is None:
                span.running = True
                window = self._window(span.start, span.end, padding, beam, self._vocabulary)
                return self._job("final", window, span.start, span.evidence, span)
        return None

    def interim_due(self, hop: float) -> bool:
        """An interim would show something new: ``hop`` seconds of audio came since the last."""
        if not self.interim_results or self._interim_running or not self._endpointer.open:
            return False
        if any(span.ended or span.running for span in self._spans):
            return False
        if self._endpointer.speech_end <= self._draft.decoded_to:
            return False
        heard = self.heard
        if heard - self._endpointer.start < SHORTEST_INTERIM:
            return False
        return heard - self._draft.decoded_to >= hop

    def interim_job(self) -> Job:
        """The open utterance's window, up to the last sample that was heard."""
        start = self._draft.window_start
        end = min(self.heard, start + LONGEST_WINDOW)
        self._interim_running = True
        self._draft.decoded_to = end
        before = [w.text for w in self._draft.settled[-12:]]
        prompt = join_text([self._vocabulary, *before]) if before else self._vocabulary
        window = self._window(start, end, INTERIM_PADDING, 1, prompt)
        return self._job("interim", window, start, self._endpointer.evidence, None)

    def accept(self, job: Job, found: Hypothesis | None, now: float) -> list[Result]:
        """Takes a decoded job back; gives the results that may go out now, in order."""
        if job.detect and self.language is None and found is not None:
            self.language = found.language
        if job.kind == "interim":
            self._interim_running = False
            return self._accept_interim(job, found, now)
        span = job.span
        assert span is not None  # noqa: S101 - final jobs are made with a span
        span.running = False
        if span.stale:
            if found is not None and job.generation == self._generation:
                self._draft.settled.clear()
                self._draft.window_start = job.offset
                return self._accept_interim(job, found, now)
            return []
        span.hypothesis = found or _nothing(self.language or "en")
        return self.ready(now)

    def ready(self, now: float) -> list[Result]:
        """Finals whose utterance has ended and whose words are there."""
        results: list[Result] = []
        while self._spans and self._spans[0].ended and self._spans[0].hypothesis is not None:
            results.append(self._final(self._spans.popleft(), now))
        return results

    # --- inside -------------------------------------------------------------------------------

    def _turn(self, turn: Turn) -> list[SpeechBegan]:
        point = self._endpointer
        if turn is Turn.OPENED:
            self._generation += 1
            self._draft = Draft(window_start=point.start, decoded_to=point.start)
            return [SpeechBegan(point.start)]
        if turn is Turn.PAUSED:
            self._spans.append(
                Span(point.start, point.speech_end + TAIL, point.speech_end, point.evidence)
            )
        elif turn is Turn.RESUMED:
            span = self._spans[-1]
            if span.running:
                span.stale = True
            self._spans.pop()
        elif turn is Turn.ENDED:
            self._end_span()
        elif turn is Turn.OVERFLOWED:
            self._end_span(endpoint=False)
        return []

    def _end_span(self, *, endpoint: bool = True, forced: bool = False) -> None:
        point = self._endpointer
        tail = self._spans[-1] if self._spans else None
        if tail is None or tail.ended:
            end = min(point.speech_end + TAIL, self.heard) if endpoint else point.now
            tail = Span(point.start, end, point.speech_end, point.evidence)
            self._spans.append(tail)
        tail.ended = True
        tail.endpoint = endpoint
        tail.forced = forced

    def _window(self, start: float, end: float, padding: float, beam: int, prompt: str) -> Window:
        return Window(self._buffer.slice(start, end), self.language or "", padding, beam, prompt)

    def _job(
        self,
        kind: Literal["interim", "final"],
        window: Window,
        offset: float,
        evidence: float,
        span: Span | None,
    ) -> Job:
        detect = self.language is None
        unsure = self._draft.log_probability < UNSURE
        context = self._context if kind == "final" else _no_audio()
        return Job(
            self, kind, window, offset, evidence, span, self._generation, detect, context, unsure
        )

    def _accept_interim(self, job: Job, found: Hypothesis | None, now: float) -> list[Result]:
        if found is None or job.generation != self._generation or not self._endpointer.open:
            return []
        if any(span.ended for span in self._spans):
            return []
        heard = job.offset + found.seconds
        self._draft.log_probability = found.log_probability
        words = [_moved(word, job.offset) for word in found.words]
        settled = self._draft.settled
        if settled and words and bare(words[0].text) == bare(settled[-1].text):
            words.pop(0)  # the cut went through the end of the last settled word
        if not believable(found, job.evidence) or repeats(found.words):
            return []
        while words and _half_heard(words[-1], heard):
            words.pop()
        draft = self._draft
        stable = agreed(draft.hypothesis, words)
        draft.hypothesis = words
        result = self._interim([*draft.settled, *words], heard, now)
        if heard - draft.window_start > WORTH_TRIMMING:
            count = cut_point(words, stable, heard - SETTLED)
            if count:
                draft.settled += words[:count]
                draft.hypothesis = words[count:]
                draft.window_start = max(words[count - 1].end - 0.05, draft.window_start)
        text = result.text
        if not text or text == draft.shown:
            return []
        draft.shown = text
        return [result]

    def _interim(self, words: list[Word], heard: float, now: float) -> Result:
        return Result(
            text=join_text(word.text for word in words),
            start=self._endpointer.start,
            end=words[-1].end if words else heard,
            is_final=False,
            words=tuple(words),
            confidence=mean_confidence(words),
            language=self.language,
            latency_ms=self._latency(heard, now),
        )

    def _final(self, span: Span, now: float) -> Result:
        found = span.hypothesis
        assert found is not None  # noqa: S101 - ``ready`` looks first
        words: tuple[Word, ...] = ()
        if believable(found, span.evidence):
            timed = (_moved(word, span.start) for word in found.words)
            words = trim_tail(tuple(timed), span.speech_end)
            self._remember(words, found.log_probability)
        return Result(
            text=join_text(word.text for word in words),
            start=words[0].start if words else span.start,
            end=words[-1].end if words else span.speech_end,
            is_final=True,
            speech_final=span.endpoint,
            words=words,
            confidence=mean_confidence(words),
            language=self.language or found.language,
            latency_ms=self._latency(span.end, now),
            from_finalize=span.forced,
        )

    def _remember(self, words: Sequence[Word], log_probability: float) -> None:
        """Keeps the end of what was just understood, from a word's start, as context."""
        if not words or log_probability < CONTEXT_SURE:
            return
        end = words[-1].end + 0.15
        first = next((w for w in words if w.start >= end - CONTEXT), words[-1])
        self._context = self._buffer.slice(first.start - 0.03, end)

    def _latency(self, end: float, now: float) -> float | None:
        """Milliseconds since the audio up to ``end`` had arrived."""
        for heard, arrived in self._arrivals:
            if heard >= end - 0.05:
                return max(0.0, (now - arrived) * 1000)
        return None

    def _forget(self) -> None:
        oldest = self._endpointer.earliest
        if self._spans:
            oldest = min(oldest, self._spans[0].start)
        self._buffer.drop_before(oldest - 0.1)


def vocabulary_prompt(keyterms: Iterable[str]) -> str:
    """The prompt that makes the decoder expect these words; empty for none."""
    terms = ", ".join(keyterms)
    return f"{terms}." if terms else ""


def _moved(word: Word, by: float) -> Word:
    return replace(word, start=word.start + by, end=word.end + by)


def _half_heard(word: Word, heard: float) -> bool:
    """A word at the very end of the window, cut off or made up from what was cut off."""
    return word.end > heard - 0.06 and word.confidence < 0.4


def _nothing(language: str) -> Hypothesis:
    return Hypothesis("", (), 0.0, 1.0, language, 0.0, truncated=False)
