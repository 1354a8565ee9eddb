"""One leg in the local engine: audio in, decode jobs out, hypotheses in, results out.

No thread, no clock, no model call in here: the conductor feeds it, asks for jobs, has them decoded
and hands the hypotheses back. Time is audio time; what wall time is needed is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from callscribe.audio import RATE
from callscribe.engines.base import EngineEvent, Silent, SpeechBegan, Unheard
from callscribe.engines.whisper.decoder import Hypothesis, Window
from callscribe.engines.whisper.draft import Draft
from callscribe.engines.whisper.guard import believable, repeats, trim_tail
from callscribe.engines.whisper.intake import Intake
from callscribe.engines.whisper.jobs import Job, Span, faded, no_audio, without_lead
from callscribe.engines.whisper.looks import Looks, seen
from callscribe.engines.whisper.memory import Memory
from callscribe.engines.whisper.results import final_result, interim_result, nothing, stands
from callscribe.engines.whisper.spans import ATTEMPTS, Spans
from callscribe.engines.whisper.vocabulary import vocabulary_prompt
from callscribe.transcript import Result, Word, join_text
from callscribe.vad import CHUNK_SECONDS, Chunk, Endpointer, EndpointRules, Turn, VoiceActivity

LONGEST_WINDOW: Final = 20.0
NOBODY: Final = Chunk(0.0, -100.0, 0.0)
"""A chunk in which nobody speaks."""
INTERIM_PADDING: Final = 1.2
SHORTEST_INTERIM: Final = 0.5
LONG: Final = 7.0
"""Seconds from which on a second decode after the first would come too late: both at once."""

SILENCE: Final = 1.0
"""Seconds of silence after which it is said that nobody speaks."""


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
        self._intake = Intake(sample_rate, detect)
        self._memory = Memory(self._intake)
        self._point = Endpointer(rules)
        self._vocabulary = vocabulary_prompt(keyterms)
        self._draft = Draft(0.0)
        self._spans = Spans()
        self._generation = 0
        self._interim_running = False
        self._lead_misled = False
        """All that the last interim wrote was what had been said before its window."""
        self._looks = Looks()
        self._settled = 0.0
        """Up to where it was said that nothing more comes."""
        self._finished = False

    @property
    def heard(self) -> float:
        """Seconds of audio taken in."""
        return self._intake.heard

    @property
    def backlog(self) -> float:
        """Seconds of ended utterances that still wait for their final."""
        return self._spans.backlog

    @property
    def idle(self) -> bool:
        """Nothing is open, nothing waits."""
        return not self._spans and not self._point.open

    def language_of(self, generation: int) -> str | None:
        """The language of an utterance, None if it is not known yet; safe from any thread."""
        language = self.language  # before the comparison: the next utterance may be opening
        return language if not self._detect_each or generation == self._generation else None

    def feed(self, pcm: bytes, arrived: float, *, last: bool = False) -> list[EngineEvent]:
        """Takes the next PCM (at the leg's own rate); ``arrived`` is a monotonic time."""
        events: list[EngineEvent] = []
        for speech in self._intake.take(pcm, arrived, last=last):
            turn = self._point.push(speech)
            if turn is not Turn.NOTHING:
                events += self._turn(turn)
        earliest = self._point.earliest
        if earliest - self._settled >= SILENCE and self.idle:
            self._settled = earliest
            events.append(Silent(earliest))
        self._intake.forget_before(self._spans.oldest(earliest) - 0.1)
        return events

    def miss(self, end: float, now: float) -> list[EngineEvent]:
        """Goes on behind ``end``: what came before and could not be taken in is a gap, in turn."""
        point = self._point
        if point.flush():
            self._spans.end(
                point, point.now, generation=self._generation, endpoint=True, forced=False
            )
        start = point.now
        self._intake.go_on(start, end)
        while point.now + CHUNK_SECONDS <= self.heard:
            point.push(NOBODY)
        self._intake.go_on(point.now, end)
        if point.now > start:
            self._spans.lose(start, point.now, self._generation, nothing(self.language or "en"))
        return self.ready(now)

    def set_keyterms(self, keyterms: Iterable[str]) -> None:
        """Replaces the words to expect, from the next window on; safe from any thread."""
        self._vocabulary = vocabulary_prompt(keyterms)

    def finalize(self) -> None:
        """Ends the open utterance where the audio now ends."""
        if self._point.flush():
            self._spans.end(
                self._point, self.heard, generation=self._generation, endpoint=True, forced=True
            )

    def finish(self, arrived: float) -> None:
        """No more audio comes: what the resampler holds is taken and the last utterance ends."""
        if not self._finished:
            self._finished = True
            self.feed(b"", arrived, last=True)
            self.finalize()

    # --- jobs ---------------------------------------------------------------------------------

    def final_job(self, *, beam: int, padding: float) -> Job | None:
        """The next final to decode, if none of this leg's is being decoded."""
        span = self._spans.to_decode()
        if span is None:
            return None
        span.running = True
        window = self._window(span.start, span.end, padding, beam, self._vocabulary)
        language = self.language_of(span.generation)
        return Job(
            self,
            "final",
            replace(window, audio=faded(window.audio), language=language or ""),
            span.start,
            span.evidence,
            span.generation,
            span,
            detect=language is None,
            context=self._memory.context,
            hard=self._memory.hard or span.end - span.start > LONG,
        )

    def look_job(self, *, beam: int, padding: float) -> Job | None:
        """All of a long open utterance once more, as carefully as a final: if it is time for it."""
        if not self.interim_results or self._spans.busy or self.language is None:
            return None
        span = self._looks.begin(self._point, self.heard, self._generation, hard=self._memory.hard)
        if span is None:
            return None
        window = self._window(span.start, span.end, padding, beam, self._vocabulary)
        window = replace(window, audio=faded(window.audio))
        before = self._memory.context if self._memory.hard else no_audio()
        job = Job(self, "final", window, span.start, span.evidence, span.generation, span)
        return replace(job, context=before)

    def interim_due(self, hop: float) -> bool:
        """An interim would show something new: ``hop`` seconds of audio came since the last."""
        if not self.interim_results or self._interim_running or not self._point.open:
            return False
        if self._spans.busy or self._point.speech_end <= self._draft.decoded_to:
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
        hard = self._memory.hard
        # What was said before helps once: to a hard voice as sound, else as text.
        first = start == self._point.start
        settled = self._draft.settled
        leads = hard and not self._lead_misled
        before = self._memory.before(start, settled, first=first) if leads else no_audio()
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
        if span.look:
            self._looks.end()
            return self._accept_look(span, found, now)
        span.running = False
        if span.stale:
            self._spans.stale = None
            return self._accept_stale(job, span, found, now)
        if found is None:
            span.failures += 1
            if span.failures < ATTEMPTS:
                return self.ready(now)
        span.hypothesis = found or nothing(self.language or "en")
        return self.ready(now)

    def ready(self, now: float) -> list[EngineEvent]:
        """Finals whose utterance has ended and whose words are there."""
        results: list[EngineEvent] = []
        while (span := self._spans.pop_done()) is not None:
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
            self._lead_misled = False
            if self._detect_each:
                self.language = None
            return [SpeechBegan(point.start)]
        if turn is Turn.PAUSED:
            self._spans.pause(point, self._generation)
        elif turn is Turn.RESUMED:
            self._spans.resume()
        elif turn in (Turn.ENDED, Turn.OVERFLOWED):
            self._spans.end(
                point,
                self.heard,
                generation=self._generation,
                endpoint=turn is Turn.ENDED,
                forced=False,
            )
        return []

    def _window(self, start: float, end: float, padding: float, beam: int, prompt: str) -> Window:
        return Window(self._intake.slice(start, end), self.language or "", padding, beam, prompt)

    def _accept_stale(
        self, job: Job, span: Span, found: Hypothesis | None, now: float
    ) -> list[EngineEvent]:
        """A pause was no end. A sentence that stands is final all the same; else it is a draft."""
        if found is None or job.generation != self._generation:
            return self.ready(now)
        waiting = self._spans.waiting
        if stands(span, found, at_once=waiting is not None):
            cut = span.speech_end + 0.1
            span.hypothesis, span.endpoint, span.until = found, False, cut
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

    def _accept_look(self, span: Span, found: Hypothesis | None, now: float) -> list[EngineEvent]:
        """Its words stand, but for those at the very end."""
        point = self._point
        same = point.open and span.generation == self._generation and span.start == point.start
        if found is None or not same or self._spans.waiting is not None:
            return []
        if not (words := seen(span, found)):
            return []
        return self._show(self._draft.settle(words, words[-1].end), span.end, now)

    def _accept_interim(self, job: Job, found: Hypothesis | None, now: float) -> list[EngineEvent]:
        if found is None or job.generation != self._generation or not self._point.open:
            return []
        if self._spans.waiting is not None:
            return []
        understood = found
        found = without_lead(found, job.lead)
        self._lead_misled = bool(understood.words) and not found.words
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
        latency = self._intake.latency(heard, now)
        return [interim_result(self._point.start, words, self.language, latency)]

    def _final(self, span: Span, now: float) -> Result:
        found = span.hypothesis
        assert found is not None  # noqa: S101 - whoever calls has looked
        words: tuple[Word, ...] = ()
        if believable(found, span.evidence):
            timed = (word.moved(span.start) for word in found.words)
            words = trim_tail(tuple(timed), span.speech_end)
            self._memory.remember(words, found.log_probability)
        self._settled = span.until
        language = found.language if self._detect_each else self.language or found.language
        return final_result(span, words, language, self._intake.latency(span.end, now))
