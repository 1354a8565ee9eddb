"""Every sample is covered once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.base import Listening, Silent, SpeechBegan, Unheard
from callscribe.engines.resilient.progress import Progress
from callscribe.transcript import Result, Word

RATE = 1000


def final(start: float, end: float, *, until: float | None = None, ends: bool = True) -> Result:
    words = (Word("oui", start, end, 0.9),)
    return Result("oui", start, end, True, ends, words, until=until)


def test_a_final_settles_up_to_where_it_says() -> None:
    leg = Progress(RATE, received=9000)
    (told,) = leg.take(final(2.5, 3.0), sent=9000)
    assert isinstance(told, Result)
    assert (told.start, told.end, leg.settled) == (2.5, 3.0, 3000)
    leg.take(final(3.2, 3.5, until=4.5), sent=9000)
    assert leg.settled == 4500
    leg.take(final(5.0, 11.0), sent=6000)
    assert leg.settled == 6000, "nobody heard what was not sent"


def test_silence_and_gaps_settle_too() -> None:
    leg = Progress(RATE, received=9000)
    assert leg.take(Silent(1.0), 9000) == [Silent(1.0)]
    assert leg.take(Silent(0.5), 9000) == [], "that is known"
    assert leg.take(Unheard(0.5, 2.0, "no"), 9000) == [Unheard(1.0, 2.0, "no")]
    assert leg.take(Unheard(0.5, 1.5, "no"), 9000) == []
    assert leg.gap(2000, "late") == []
    assert leg.gap(3000, "late") == [Unheard(2.0, 3.0, "late")]
    assert leg.settled == 3000
    assert leg.take(SpeechBegan(0.1), 9000) == [SpeechBegan(3.0)]
    assert leg.take(Listening("x"), 9000) == [Listening("x")]


def test_words_are_open_until_an_utterance_ends() -> None:
    leg = Progress(RATE, received=9000)
    leg.take(final(0.0, 1.0, ends=False), 9000)
    assert leg.words_open
    leg.take(final(1.0, 2.0), 9000)
    assert not leg.words_open


def test_it_is_known_what_was_shown() -> None:
    leg = Progress(RATE, received=9000)
    shown = Result("oui", 1.0, 2.0, False, words=(Word("oui", 1.0, 1.5, 0.9),))
    leg.take(shown, 9000)
    assert (leg.shown_from, leg.shown_to) == (1000, 1500)
    leg.take(final(1.0, 1.5), 9000)
    assert (leg.shown_from, leg.shown_to) == (None, 1500)


def test_what_was_shown_stands_until_it_is_shown_again() -> None:
    """By a connection that hears it once more, and has only begun to."""
    leg = Progress(RATE, received=9000)
    shown = Result("oui", 1.0, 1.5, False, words=(Word("oui", 1.0, 1.5, 0.9),))
    nothing = Result("", 0.5, 1.2, False)
    leg.take(shown, 9000)
    leg.tell_again()
    leg.tell_again()  # nor was it shown by the next one
    assert (leg.first_shown, leg.shown_from) == (1000, None)
    assert leg.take(nothing, 9000) == []
    assert leg.take(shown, 9000) == [shown]
    assert leg.take(nothing, 9000) == [nothing], "now it is taken back"
    leg.take(shown, 9000)
    leg.tell_again()
    leg.take(final(1.0, 1.5), 9000)
    assert leg.first_shown is None
    assert leg.take(nothing, 9000) != []


places = st.integers(0, 9000)
maybe = st.none() | places


@given(places, maybe, maybe, places, st.booleans(), places, st.integers(0, 3))
def test_what_an_interim_shows_is_noted_as_of_any_result(
    settled: int,
    retold: int | None,
    shown_from: int | None,
    shown_to: int,
    words_open: bool,
    start: int,
    count: int,
) -> None:
    words = tuple(
        Word("oui", start / RATE + k / 2, start / RATE + k / 2 + 0.4, 0.9) for k in range(count)
    )
    end = words[-1].end if words else start / RATE
    interim = Result(" ".join(w.text for w in words), start / RATE, end, False, False, words)
    leg = Progress(RATE, 9000, settled, words_open, shown_from, shown_to, retold)
    other = replace(leg)
    if leg.shows(interim):
        assert other.result(interim, sent=9000) == [interim]
    else:
        assert retold is not None or start < settled
    assert leg == other
