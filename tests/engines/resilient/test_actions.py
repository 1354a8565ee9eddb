"""Connections as the core sees them."""

from __future__ import annotations

from callscribe.engines.resilient.actions import Drop, Line, Open


def test_two_connections_to_one_engine_are_two() -> None:
    one, other = Line(0, 1.0), Line(0, 1.0)
    assert one != other
    assert Open(one) == Open(one)
    assert Drop(one) != Drop(other)
    assert len({one, other}) == 2
