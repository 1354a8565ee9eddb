"""When an open piece is looked at."""

from __future__ import annotations

from callscribe.engines.deepgram.peeks import EVERY, REST, Peeks


def test_the_first_look_comes_when_there_is_something_to_hear() -> None:
    peeks = Peeks()
    assert not peeks.are_due(10.0, 10.0 + EVERY - 0.01)
    assert peeks.are_due(10.0, 10.0 + EVERY)


def test_what_was_looked_at_is_not_looked_at_again() -> None:
    peeks = Peeks()
    peeks.looked(12.0, 0.1)
    assert not peeks.are_due(10.0, 12.0 + EVERY - 0.01)
    assert peeks.are_due(10.0, 12.0 + EVERY)


def test_a_new_piece_begins_anew() -> None:
    peeks = Peeks()
    peeks.looked(12.0, 0.1)
    assert not peeks.are_due(13.0, 12.5 + EVERY)
    assert peeks.are_due(13.0, 13.0 + EVERY)


def test_slow_looks_are_rare() -> None:
    peeks = Peeks()
    peeks.looked(12.0, 2.0)
    assert not peeks.are_due(10.0, 12.0 + 2.0 * REST - 0.01)
    assert peeks.are_due(10.0, 12.0 + 2.0 * REST)
    peeks.looked(16.0, 0.1)
    assert peeks.are_due(10.0, 16.0 + EVERY)
