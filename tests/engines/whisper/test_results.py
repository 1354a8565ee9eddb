"""Results out of hypotheses."""

from __future__ import annotations

import pytest

from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.jobs import Span
from callscribe.engines.whisper.results import (
    final_result,
    interim_result,
    nothing,
    stands,
)
from callscribe.transcript import Word

WORDS = (Word("un", 1.0, 1.5, 0.8), Word("deux.", 1.6, 2.0, 0.6))


def test_an_interim_begins_with_its_utterance() -> None:
    result = interim_result(0.9, WORDS, "fr", 120.0)
    assert (result.text, result.start, result.end) == ("un deux.", 0.9, 2.0)
    assert not result.is_final
    assert (result.confidence, result.latency_ms) == (pytest.approx(0.7), 120.0)


def test_a_final_lies_where_its_words_are_or_else_where_speech_was() -> None:
    span = Span(0.5, 2.5, 2.2, 1.0, 1, endpoint=False, forced=True)
    result = final_result(span, WORDS, "fr", None)
    assert (result.start, result.end) == (1.0, 2.0)
    assert (result.is_final, result.speech_final, result.from_finalize) == (True, False, True)
    empty = final_result(span, (), None, None)
    assert (empty.text, empty.start, empty.end) == ("", 0.5, 2.2)


@pytest.mark.parametrize(
    ("text", "sure", "seconds", "at_once", "expected"),
    [
        ("un deux.", -0.1, 3.0, False, True),
        ("un deux", -0.1, 3.0, False, False),
        ("un deux", -0.1, 3.0, True, True),
        ("un deux.", -0.5, 3.0, True, False),
        ("un deux.", -0.1, 2.0, True, False),
    ],
)
def test_a_sentence_stands_when_it_is_whole_sure_and_long(
    text: str, sure: float, seconds: float, at_once: bool, expected: bool
) -> None:
    found = Hypothesis(text, WORDS, sure, 0.02, "fr", seconds, truncated=False)
    span = Span(0.0, seconds + 0.3, seconds, seconds, 1)
    assert stands(span, found, at_once=at_once) is expected


def test_nothing_has_no_words() -> None:
    assert (nothing("fr").words, nothing("fr").language) == ((), "fr")
