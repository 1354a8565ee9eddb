"""What a connection says, on the leg's clock, past what it was not sent."""

from __future__ import annotations

import pytest

from callscribe.engines.base import EngineEvent, Listening, Silent, SpeechBegan, Unheard
from callscribe.engines.resilient.actions import Cut, Line
from callscribe.engines.resilient.course import given_since, leave_out, on_leg
from callscribe.transcript import Result, Word

RATE = 1000


def late_line() -> Line:
    """It began at 10 s, and behind 2 s and again behind 3 s of its own 4 s were left out."""
    cuts = [Cut(2000, 12_000, 4000), Cut(3000, 17_000, 8000)]
    return Line(0, 0.0, base=10_000, sent=22_000, cuts=cuts)


@pytest.mark.parametrize(
    ("says", "means"),
    [
        (SpeechBegan(1.0), SpeechBegan(11.0)),
        (SpeechBegan(2.5), SpeechBegan(16.5)),
        (Silent(2.0), Silent(12.0)),
        (Silent(3.5), Silent(21.5)),
        (Unheard(1.5, 2.5, "no"), Unheard(11.5, 16.5, "no")),
        (Listening("x"), Listening("x")),
    ],
)
def test_what_is_behind_a_pause_is_later_by_it(says: EngineEvent, means: EngineEvent) -> None:
    assert on_leg(says, late_line(), RATE) == means


@pytest.mark.parametrize(
    ("says", "means"),
    [
        (SpeechBegan(1.0), SpeechBegan(11.0)),
        (Silent(1.0), Silent(11.0)),
        (Unheard(1.0, 2.0, "no"), Unheard(11.0, 12.0, "no")),
    ],
)
def test_where_nothing_is_left_out_all_is_as_much_later(
    says: EngineEvent, means: EngineEvent
) -> None:
    assert on_leg(says, Line(0, 0.0, base=10_000), RATE) == means


def test_words_on_both_sides_of_a_pause_keep_their_places() -> None:
    words = (Word("un", 1.0, 1.5, 0.9), Word("deux", 2.1, 2.5, 0.9), Word("trois", 3.2, 3.4, 0.9))
    said = Result("un deux trois", 1.0, 3.4, True, True, words, until=3.9, exact=True)
    placed = on_leg(said, late_line(), RATE)
    assert isinstance(placed, Result)
    spans = [(word.start, word.end) for word in placed.words]
    assert spans == [(11.0, 11.5), (pytest.approx(16.1), 16.5), (pytest.approx(21.2), 21.4)]
    assert (placed.start, placed.end, placed.until) == (11.0, 21.4, 21.9)
    assert not placed.exact


def test_a_word_is_not_torn_apart() -> None:
    word = Word("oui", 1.8, 2.1, 0.9)  # it reaches into what was left of the pause
    placed = on_leg(Result("oui", 1.8, 2.1, words=(word,), is_final=True), late_line(), RATE)
    assert isinstance(placed, Result)
    assert (placed.words[0].start, placed.words[0].end) == (11.8, pytest.approx(12.1))
    assert placed.end == pytest.approx(12.1), "it ends with its word"


def test_a_result_without_words_has_its_places_too() -> None:
    placed = on_leg(Result("", 1.0, 2.5, is_final=True), late_line(), RATE)
    assert isinstance(placed, Result)
    assert (placed.start, placed.end) == (11.0, 16.5)


def test_what_was_given_is_told_without_what_was_left_out() -> None:
    line = late_line()
    assert given_since(line, 10_000) == given_since(line, 9000) == line.given == 4000
    assert given_since(line, 12_000) == 2000, "where the first pause begins"
    assert given_since(line, 16_500) == 1500
    assert given_since(line, 21_000) == 1000
    assert given_since(line, 22_000) == 0
    assert given_since(line, 14_000) == 2000, "within what was left out"


def test_pauses_are_left_out_where_the_line_comes_to_them() -> None:
    line = Line(0, 0.0, base=1000, sent=2000)
    line.pauses = [(1500, 1800), (1900, 3000), (2500, 4000), (6000, 7000)]
    leave_out(line)
    assert (line.sent, line.given, line.left_out) == (4000, 1000, 2000)
    assert line.pauses == [(6000, 7000)]
    assert on_leg(SpeechBegan(1.1), line, RATE) == SpeechBegan(4.1)
    line.sent = 6000
    leave_out(line)
    assert (line.sent, line.given, line.left_out) == (7000, 3000, 3000)
    assert on_leg(SpeechBegan(3.1), line, RATE) == SpeechBegan(7.1)
    assert on_leg(SpeechBegan(3.0), line, RATE) == SpeechBegan(6.0)
