"""Results out of what the decoder found, and which of it stands before its utterance has ended.

May import ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from callscribe.engines.whisper.agreement import SENTENCE_END
from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.guard import believable
from callscribe.engines.whisper.jobs import Span
from callscribe.transcript import Result, Word, join_text, mean_confidence

SENTENCE_SURE: Final = -0.35
"""How surely a sentence must be understood to be final before its utterance has ended."""
SENTENCE_SECONDS: Final = 2.5


def interim_result(
    start: float, words: Sequence[Word], language: str | None, latency: float | None
) -> Result:
    """What stands so far of the utterance that began at ``start``."""
    return Result(
        text=join_text(word.text for word in words),
        start=start,
        end=words[-1].end,
        is_final=False,
        words=tuple(words),
        confidence=mean_confidence(words),
        language=language,
        latency_ms=latency,
    )


def final_result(
    span: Span, words: tuple[Word, ...], language: str | None, latency: float | None
) -> Result:
    """The words of an utterance for good; it may have none."""
    return Result(
        text=join_text(word.text for word in words),
        start=words[0].start if words else span.start,
        end=words[-1].end if words else span.speech_end,
        is_final=True,
        speech_final=span.endpoint,
        words=words,
        confidence=mean_confidence(words),
        language=language,
        latency_ms=latency,
        from_finalize=span.forced,
        until=span.until,
    )


def stands(span: Span, found: Hypothesis, *, at_once: bool) -> bool:
    """A sentence that is final although the speaker went on; ``at_once``: be it whole or not."""
    if not believable(found, span.evidence) or found.log_probability < SENTENCE_SURE:
        return False
    long_enough = span.speech_end - span.start >= SENTENCE_SECONDS
    return long_enough and (at_once or found.text.endswith(SENTENCE_END))


def nothing(language: str) -> Hypothesis:
    """What is found where the decoder breaks."""
    return Hypothesis("", (), 0.0, 1.0, language, 0.0, truncated=False)
