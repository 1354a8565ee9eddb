"""The schedule: the seed decides, and nothing else does."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callscribe.chaos.faults import parse_fault
from callscribe.chaos.schedule import Event, Schedule
from tests.chaos.test_faults import faults


def schedule(*texts: str, seed: int = 7) -> Schedule:
    return Schedule([parse_fault(text) for text in texts], seed)


def events(found: Schedule, connection: int, count: int = 50) -> list[Event]:
    return list(islice(found.plan(connection).events, count))


def told(found: Schedule, connection: int) -> Any:
    plan = found.plan(connection)
    return plan.refusal, plan.opening, list(islice(plan.events, 20))


@given(st.lists(faults(), max_size=4), st.integers(), st.permutations(range(1, 6)))
def test_a_seed_gives_the_same_plans_in_whatever_order_they_are_asked_for(
    some: Any, seed: int, order: list[int]
) -> None:
    first, second = Schedule(some, seed), Schedule(some, seed)
    expected = {number: told(first, number) for number in range(1, 6)}
    assert {number: told(second, number) for number in order} == expected


@given(st.lists(faults(), max_size=4), st.integers(), st.integers(1, 9))
def test_events_come_in_order(some: Any, seed: int, number: int) -> None:
    found = list(islice(Schedule(some, seed).plan(number).events, 30))
    assert all(a.second <= b.second for a, b in pairwise(found))
    assert all(0 <= event.draw < 1 and event.second >= 0 for event in found)


def test_the_numbers_are_the_same_on_every_machine() -> None:
    found = [round(event.second, 6) for event in events(schedule("drop~30"), 1, 3)]
    assert found == [25.100526, 37.746052, 43.156062]


def test_another_seed_or_connection_is_another_plan() -> None:
    found = {
        tuple(event.second for event in events(schedule("drop~30", seed=seed), number, 3))
        for seed in (1, 2)
        for number in (1, 2)
    }
    assert len(found) == 4


def test_two_faults_that_are_written_alike_are_two() -> None:
    first, second = events(schedule("drop~30", "drop~30"), 1, 2)
    assert first.second != second.second


def test_on_average() -> None:
    times = [event.second for event in events(schedule("garble~10"), 1, 2000)]
    assert 9 < times[-1] / 2000 < 11


def test_without_a_time_it_happens_at_once_and_once() -> None:
    ((second, fault, _),) = events(schedule("drop"), 1)
    assert (second, fault.kind) == (0.0, "drop")


def test_connections_are_chosen() -> None:
    found = schedule("refuse:429/2-3", "stall:open/3", "drop@5/4-")
    refused = [bool(found.plan(n).refusal) for n in range(1, 6)]
    assert refused == [False, True, True, False, False]
    assert [bool(found.plan(n).opening) for n in range(1, 6)] == [False, False, True, False, False]
    assert [len(events(found, n)) for n in range(1, 6)] == [0, 0, 0, 1, 1]


def test_the_first_refusal_counts() -> None:
    plan = schedule("refuse:401/2", "refuse:503", "refuse:429").plan(1)
    assert str(plan.refusal) == "refuse:503"


def test_a_refusal_can_last_a_while() -> None:
    found = schedule("refuse:429@10+20/2-", "refuse:401@40")
    told = {second: found.plan(5, second).refusal for second in (9.9, 10, 29.9, 30, 39.9, 40, 99)}
    assert {second: fault.argument for second, fault in told.items() if fault} == {
        10: "429", 29.9: "429", 40: "401", 99: "401",
    }  # fmt: skip
    assert found.plan(1, 15).refusal is None


def test_a_share_of_the_connections() -> None:
    found = schedule("refuse:503/25%")
    count = sum(found.plan(number).refusal is not None for number in range(1, 4001))
    assert 900 < count < 1100
