"""One leg in the local engine: audio in, decode jobs out, hypotheses in, results out.

No thread, no clock, no model call in here: the conductor feeds it, asks for jobs, has them decoded
and hands the hypotheses back. Time is audio time; what wall time is needed is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from callscribe.audio import RATE, AudioBuffer, FloatArray, Resampler, pcm_to_samples, to_float
from callscribe.engines.base import EngineEvent, SpeechBegan, Unheard
from callscribe.engines.whisper.agreement import SENTENCE_END
from callscribe.engines.whisper.decoder import Hypothesis, Window
from callscribe.engines.whisper.draft import Draft
from callscribe.engines.whisper.guard import believable, repeats, trim_tail
from callscribe.engines.whisper.jobs import (
    CONTEXT,
    CONTEXT_SURE,
    GAP,
    Job,
    Span,
    no_audio,
    without_lead,
)
from callscribe.transcript import Result, Word, join_text, mean_confidence
from callscribe.vad import (
    CHUNK,
    Endpointer,
    EndpointRules,
    SpeechDetector,
    Turn,
    VoiceActivity,
)

TAIL: Final = 0.3
"""Seconds of audio after the last speech that a final still looks at."""
FADE: Final = 0.1
LONGEST_WINDOW: Final = 20.0
ATTEMPTS: Final = 2
"""How often an utterance is given to a decoder that breaks over it."""
INTERIM_PADDING: Final = 1.2
LEAD: Final = 2.0
"""Seconds of what the voice said before that an interim window begins with, for the ear only."""
SHORTEST_INTERIM: Final = 0.5
HARD: Final = -0.25
"""A leg whose finals are less sure than this on the average is hard to hear."""
LONG: Final = 7.0
"""Seconds from which on a second decode after the first would come too late: both at once."""
SAID_TWICE: Final = 12
"""Vocabularies up to so many terms are said twice in the prompt."""
SENTENCE_SURE: Final = -0.35
"""How surely a sentence must be understood to be final before its utterance has ended."""
SENTENCE_SECONDS: Final = 2.5


class LegStream:
    """The state of one leg; to be used by one thread at a time."""

    def __init__(
        self,
        *,
        sample_rate: int,
        language: str,
        detect: VoiceActivity,
        rules: EndpointRules,
        keyterms: Iterable[str] = (),
        interim_results: bool = True,
        language_each_time: bool = False,
    ) -> None:
        self.language = None if language == "auto" else language
        self._detect_each = language_each_time and language == "auto"
        self.interim_results = interim_results
        self.sample_rate = sample_rate
        self._resampler = Resampler(sample_rate)
        self._buffer = AudioBuffer()
        self._rest = np.empty(0, np.int16)
        self._detector = SpeechDetector(detect)
        self._point = Endpointer(rules)
        self._vocabulary = vocabulary_prompt(keyterms)
        self._draft = Draft(0.0)
        self._spans: deque[Span] = deque()
        self._stale: Span | None = None
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=512)
        self._context = no_audio()
        self._lead = no_audio()
        self._sureness = 0.0
        """Mean log probability of the leg's finals, the newest counting most."""
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
        return not self._spans and not self._point.open

    def feed(self, pcm: bytes, arrived: float, *, last: bool = False) -> list[EngineEvent]:
        """Takes the next PCM (at the leg's own rate); ``arrived`` is a monotonic time."""
        samples = self._resampler.push(pcm_to_samples(pcm), last=last)
        self._buffer.append(samples)
        end = self._buffer.end
        if not self._arrivals or end - self._arrivals[-1][0] >= 0.1:
            self._arrivals.append((end, arrived))
        began: list[EngineEvent] = []
        pending = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(pending) - len(pending) % CHUNK
        for index in range(0, whole, CHUNK):
            turn = self._point.push(self._detector(to_float(pending[index : index + CHUNK])))
            if turn is not Turn.NOTHING:
                began += self._turn(turn)
        self._rest = pending[whole:].copy()
        self._forget()
        return began

    def set_keyterms(self, keyterms: Iterable[str]) -> None:
        """Replaces the words to expect, from the next window on; safe from any thread."""
        self._vocabulary = vocabulary_prompt(keyterms)

    def finalize(self) -> None:
        """Ends the open utterance where the audio now ends."""
        if self._point.flush():
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
        if self._stale is not None:
            return None  # what comes back may shorten the next one
        for span in self._spans:
            if span.running:
                return None
            if span.hypothesis is None:
                span.running = True
                window = self._window(span.start, span.end, padding, beam, self._vocabulary)
                window = replace(window, audio=faded(window.audio))
                return Job(
                    self,
                    "final",
                    window,
                    span.start,
                    span.evidence,
                    self._generation,
                    span,
                    detect=self.language is None,
                    context=self._context,
                    hard=self._sureness < HARD or span.end - span.start > LONG,
                )
        return None

    def interim_due(self, hop: float) -> bool:
        """An interim would show something new: ``hop`` seconds of audio came since the last."""
        if not self.interim_results or self._interim_running or not self._point.open:
            return False
        if any(span.ended or span.running for span in self._spans):
            return False
        if self._point.speech_end <= self._draft.decoded_to:
            return False
        if self.heard - self._point.start < SHORTEST_INTERIM:
            return False
        return self.heard - self._draft.decoded_to >= hop

    def interim_job(self) -> Job:
        """The open utterance's window, up to the last sample that was heard."""
        start = self._draft.window_start
        end = min(self.heard, start + LONGEST_WINDOW)
        self._interim_running = True
        self._draft.decoded_to = end
        hard = self._sureness < HARD
        # What was said before helps once: to a hard voice as sound, else as text.
        before = self._before(start) if hard else no_audio()
        prompt = self._vocabulary if hard else join_text([self._vocabulary, self._draft.prompt])
        window = self._window(start, end, INTERIM_PADDING, 2 if hard else 1, prompt)
        lead = len(before) / RATE
        return Job(
            self,
            "interim",
            replace(window, audio=np.concatenate([before, window.audio])),
            start - lead,
            self._point.evidence,
            self._generation,
            detect=self.language is None,
            lead=lead,
        )

    def accept(self, job: Job, found: Hypothesis | None, now: float) -> list[EngineEvent]:
        """Takes a decoded job back, None where the decoder broke; gives what may go out now."""
        own = not self._detect_each or job.generation == self._generation
        if job.detect and self.language is None and found is not None and own:
            # Noise is in no language.
            self.language = found.language if believable(found, job.evidence) else None
        span = job.span
        if span is None:
            self._interim_running = False
            return self._accept_interim(job, found, now)
        span.running = False
        if span.stale:
            self._stale = None
            return self._accept_stale(job, span, found, now)
        if found is None:
            span.failures += 1
            if span.failures < ATTEMPTS:
                return self.ready(now)
        span.hypothesis = found or _nothing(self.language or "en")
        return self.ready(now)

    def ready(self, now: float) -> list[EngineEvent]:
        """Finals whose utterance has ended and whose words are there."""
        results: list[EngineEvent] = []
        while self._spans and self._spans[0].ended and self._spans[0].hypothesis is not None:
            span = self._spans.popleft()
            if span.failures == ATTEMPTS:
                results.append(Unheard(span.start, span.speech_end, "the recogniser failed"))
            results.append(self._final(span, now))
        return results

    # --- inside -------------------------------------------------------------------------------

    def _turn(self, turn: Turn) -> list[EngineEvent]:
        point = self._point
        if turn is Turn.OPENED:
            self._generation += 1
            self._draft = Draft(point.start)
            if self._detect_each:
                self.language = None
            return [SpeechBegan(point.start)]
        if turn is Turn.PAUSED and self._stale is None:
            self._spans.append(
                Span(point.start, point.speech_end + TAIL, point.speech_end, point.evidence)
            )
        elif turn is Turn.RESUMED and self._spans and not self._spans[-1].ended:
            span = self._spans.pop()
            if span.running:
                span.stale = True
                self._stale = span
        elif turn is Turn.ENDED:
            self._end_span()
        elif turn is Turn.OVERFLOWED:
            self._end_span(endpoint=False)
        return []

    def _end_span(self, *, endpoint: bool = True, forced: bool = False) -> None:
        point = self._point
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

    def _before(self, start: float) -> FloatArray:
        """What the voice said before an interim window, from a word's beginning on."""
        settled = [w.start for w in self._draft.settled if w.start >= start - LEAD]
        if settled:
            return self._buffer.slice(settled[0] - 0.03, start)
        return self._lead if start == self._point.start else no_audio()

    def _accept_stale(
        self, job: Job, span: Span, found: Hypothesis | None, now: float
    ) -> list[EngineEvent]:
        """A pause was no end. A sentence that stands is final all the same; else it is a draft."""
        if found is None or job.generation != self._generation:
            return self.ready(now)
        waiting = next((s for s in self._spans if s.ended), None)
        if self._stands(span, found, at_once=waiting is not None):
            cut = span.speech_end + 0.1
            span.hypothesis, span.endpoint = found, False
            if waiting is not None:
                waiting.start = cut
                waiting.evidence = max(waiting.evidence - span.evidence, 0.0)
            else:
                self._point.cut(cut, span.evidence)
                self._draft.cut(cut)
            return [self._final(span, now)]
        if waiting is None and self._point.open:
            words = [word.moved(job.offset) for word in found.words]
            if believable(found, span.evidence) and not repeats(found.words):
                pause = min(span.speech_end + 0.1, self.heard)
                return self._show(self._draft.settle(words, pause), pause, now)
        return []

    @staticmethod
    def _stands(span: Span, found: Hypothesis, *, at_once: bool) -> bool:
        if not believable(found, span.evidence) or found.log_probability < SENTENCE_SURE:
            return False
        long_enough = span.speech_end - span.start >= SENTENCE_SECONDS
        return long_enough and (at_once or found.text.endswith(SENTENCE_END))

    def _accept_interim(self, job: Job, found: Hypothesis | None, now: float) -> list[EngineEvent]:
        if found is None or job.generation != self._generation or not self._point.open:
            return []
        if any(span.ended for span in self._spans):
            return []
        found = without_lead(found, job.lead)
        offset = job.offset + job.lead
        if not believable(found, job.evidence) or repeats(found.words):
            return []
        heard = offset + found.seconds
        words = self._draft.take([word.moved(offset) for word in found.words], heard)
        return self._show(words, heard, now)

    def _show(self, words: Sequence[Word], heard: float, now: float) -> list[EngineEvent]:
        """The interim with these words, if it says anything new."""
        text = join_text(word.text for word in words)
        if not self._draft.is_news(text):
            return []
        return [
            Result(
                text=text,
                start=self._point.start,
                end=words[-1].end,
                is_final=False,
                words=tuple(words),
                confidence=mean_confidence(words),
                language=self.language,
                latency_ms=self._latency(heard, now),
            )
        ]

    def _final(self, span: Span, now: float) -> Result:
        found = span.hypothesis
        assert found is not None  # noqa: S101 - whoever calls has looked
        words: tuple[Word, ...] = ()
        if believable(found, span.evidence):
            timed = (word.moved(span.start) for word in found.words)
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
            language=found.language if self._detect_each else self.language or found.language,
            latency_ms=self._latency(span.end, now),
            from_finalize=span.forced,
        )

    def _remember(self, words: Sequence[Word], log_probability: float) -> None:
        """Keeps the end of what was just understood, from a word's start, as context."""
        self._sureness += 0.6 * (log_probability - self._sureness)
        if not words or log_probability < CONTEXT_SURE:
            return
        self._context = self._ending(words, CONTEXT)
        gap = np.zeros(int(GAP * RATE), np.float32)
        self._lead = np.concatenate([self._ending(words, LEAD), gap])

    def _ending(self, words: Sequence[Word], seconds: float) -> FloatArray:
        """The audio of the last words, as many as begin within ``seconds`` of the end."""
        end = words[-1].end + 0.15
        first = next((w for w in words if w.start >= end - seconds), words[-1])
        return self._buffer.slice(first.start - 0.03, end)

    def _latency(self, end: float, now: float) -> float | None:
        """Milliseconds since the audio up to ``end`` had arrived."""
        for heard, arrived in self._arrivals:
            if heard >= end - 0.05:
                return max(0.0, (now - arrived) * 1000)
        return None

    def _forget(self) -> None:
        oldest = self._point.earliest
        if self._spans:
            oldest = min(oldest, self._spans[0].start)
        if self._stale is not None:
            oldest = min(oldest, self._stale.start)
        self._buffer.drop_before(oldest - 0.1)


def vocabulary_prompt(keyterms: Iterable[str]) -> str:
    """The prompt that makes the decoder expect these words; empty for none.

    It ends like a sentence: behind an open list the decoder goes on listing. A short list is said
    twice, which nearly doubled how often its words were taken.
    """
    terms = list(keyterms)
    if not terms:
        return ""
    return ", ".join(terms * 2 if len(terms) <= SAID_TWICE else terms) + "."


def faded(audio: FloatArray) -> FloatArray:
    """The audio with its end faded out: where noise breaks off, the decoder hears a sound."""
    count = min(int(FADE * RATE), len(audio))
    out = audio.copy()
    out[len(out) - count :] *= np.linspace(1.0, 0.0, count, dtype=np.float32)
    return out


def _nothing(language: str) -> Hypothesis:
    return Hypothesis("", (), 0.0, 1.0, language, 0.0, truncated=False)
