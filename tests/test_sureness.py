"""Which finals are unsure, by language."""

from __future__ import annotations

import pytest

from callscribe.sureness import Sureness
from callscribe.transcript import Result, Word


def final(confidence: float, language: str | None = None) -> Result:
    word = Word("mot", 0.0, 0.5, confidence)
    return Result("mot", 0.0, 0.5, True, words=(word,), confidence=confidence, language=language)


@pytest.mark.parametrize(
    ("result", "language", "unsure"),
    [
        (final(0.89, "fr"), "", True),
        (final(0.89), "fr", True),
        (final(0.9, "fr"), "", False),
        (final(0.79), "de", True),
        (final(0.8), "auto", False),
        (final(0.79, "fr"), "auto", True),  # the language that was heard counts
        (final(0.0, "en"), "fr", False),  # switched off
        (Result("", 0.0, 1.0, True), "fr", False),
    ],
)
def test_a_threshold_is_that_of_the_language(
    result: Result, language: str, *, unsure: bool
) -> None:
    sureness = Sureness({"fr": 0.9, "en": 0.0, "*": 0.8})
    assert sureness.is_unsure(result, language) is unsure
    assert sureness.marked(result, language).unsure is unsure


def test_without_thresholds_nothing_is_unsure() -> None:
    assert not Sureness({}).is_unsure(final(0.0), "fr")


def test_interims_stay_as_they_are() -> None:
    interim = Result("mot", 0.0, 0.5, False, words=(Word("mot", 0.0, 0.5, 0.1),))
    assert Sureness({"*": 1.0}).marked(interim) is interim
