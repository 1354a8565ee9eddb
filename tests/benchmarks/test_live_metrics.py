"""What the lags of a live transcript are."""

from __future__ import annotations

import pytest

from benchmarks.live_metrics import Sighting, SpokenWord, in_speech, spoken_end, word_lags


def seen(text: str, end: float, shown_at: float, *, final: bool) -> Sighting:
    return Sighting(text, end - 0.3, end, shown_at, final)


def test_a_word_appears_when_it_first_stands_there_right() -> None:
    reference = [SpokenWord("Bonjour,", 1.0), SpokenWord("madame.", 2.0)]
    lags = word_lags(
        reference,
        [
            seen("bonsoir", 1.0, 1.2, final=False),
            seen("bonjour", 1.1, 1.5, final=False),
            seen("Bonjour", 1.0, 3.0, final=True),
            seen("madame", 2.0, 3.0, final=True),
        ],
    )
    assert lags.appear == pytest.approx([0.5, 1.0])
    assert lags.final == pytest.approx([2.0, 1.0])


def test_the_same_word_elsewhere_does_not_count() -> None:
    lags = word_lags(
        [SpokenWord("oui", 9.0)],
        [seen("oui", 2.0, 2.3, final=False), seen("oui", 9.0, 10.0, final=True)],
    )
    assert lags.appear == pytest.approx([1.0])


def test_words_that_are_wrong_in_the_end_have_no_lag() -> None:
    assert (
        word_lags([SpokenWord("lettre", 1.0)], [seen("l'être", 1.0, 2.0, final=True)]).final == []
    )


def test_a_word_ends_where_the_reference_says() -> None:
    reference = [SpokenWord("Bonjour,", 1.0), SpokenWord("oui", 2.0), SpokenWord("oui", 5.0)]
    assert spoken_end(reference, "oui", 2.4) == 2.0
    assert spoken_end(reference, "Oui.", 4.9) == 5.0
    assert spoken_end(reference, "non", 4.9) == 4.9
    assert spoken_end(reference, "bonjour", 9.0) == 9.0


def test_a_word_ends_where_somebody_speaks() -> None:
    spoken = [(1.0, 3.0), (10.0, 12.0)]
    words = [("oui", 2.5, 3.2), ("Il", 3.4, 5.0), ("Elle", 9.0, 9.8), ("non", 14.0, 15.0)]
    assert [w.end for w in in_speech(words, spoken)] == [3.2, 10.5, 9.8, 15.0]
