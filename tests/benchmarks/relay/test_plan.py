"""Gateways take turns, and who has failed twice is left out."""

from __future__ import annotations

from typing import Any

from benchmarks.relay import plan


def order(
    repeats: int, limits: dict[str, int], levels: list[int], enough: int = plan.ENOUGH
) -> list[tuple[str, int]]:
    """Who was tried with how many legs, where each gateway stands as many as ``limits`` says."""

    def attempt(name: str, legs: int) -> dict[str, Any]:
        return {"gateway": name, "legs": legs, "faults": ["late"] if legs > limits[name] else []}

    found = plan.tries(list(limits), levels, repeats, attempt, enough=enough)
    return [(one["gateway"], one["legs"]) for one in found]


def test_all_take_turns_and_the_order_is_turned_around() -> None:
    assert order(2, {"a": 99, "b": 99}, [2, 1]) == [
        *[("a", 1), ("b", 1), ("a", 2), ("b", 2)],
        *[("b", 1), ("a", 1), ("b", 2), ("a", 2)],
    ]


def test_two_failures_in_a_row_end_it_for_this_time() -> None:
    tried = order(2, {"a": 99, "b": 1}, [1, 2, 3, 4])
    assert [legs for name, legs in tried if name == "b"] == [1, 2, 3] * 2
    assert [legs for name, legs in tried if name == "a"] == [1, 2, 3, 4] * 2


def test_nothing_is_left_out_where_that_is_asked() -> None:
    assert order(1, {"a": 0}, [1, 2, 3, 4], enough=0) == [("a", n) for n in (1, 2, 3, 4)]
