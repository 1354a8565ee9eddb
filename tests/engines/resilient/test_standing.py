"""Who may be asked, and who has to wait, in virtual time."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Deaf, Listening, Silent, TakenOver
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.rules import GLANCE, LIVE, Rung
from callscribe.errors import CapacityError
from tests.engines.resilient.simulation import (
    FIRST,
    SECOND,
    Simulation,
    final,
    rung,
    simulation,
    talk,
)

FULL = CapacityError("all streams are taken", code="deepgram_budget")
REQUESTS = Rung(None, "requests", LIVE, "dg", streaming=False)  # type: ignore[arg-type]


def until_asked(sim: Simulation, rung: int) -> Line:
    """Has all others refused until an engine is asked; its line."""
    while not (found := [line for line in sim.asked if line.rung == rung]):
        for line in list(sim.asked):
            sim.fail(line)
        sim.pass_time(0.05)
    return found[0]


def test_a_connection_that_takes_long_to_open_is_not_waited_for_for_ever() -> None:
    sim = simulation(FIRST, SECOND)
    sim.pass_time(1.7)
    assert [line.rung for line in sim.asked] == [0]
    sim.pass_time(0.2)
    sim.open(sim.asked[1])
    (event,) = sim.told
    assert isinstance(event, TakenOver)
    assert event.error.code == "engine_slow"
    sim.open(sim.asked[0])
    talk(sim, 3)
    assert sim.told[-1] == Listening("first")


def test_what_is_refused_for_good_is_not_asked_again(two: Simulation) -> None:
    two.fail(two.core.active, retryable=False)
    two.pass_time(0)
    (line,) = two.asked
    assert line.rung == 1  # at once
    two.open(line)
    two.pass_time(100)
    assert not two.asked
    assert two.core.hopeless is None
    two.fail(line, retryable=False)
    assert two.core.hopeless is not None
    two.do(two.core.give_up())
    two.check()


def test_what_a_provider_refuses_it_refuses_in_every_way() -> None:
    sim = simulation(rung("stream", 1.25, "dg"), rung("requests", LIVE, "dg"), rung("here"))
    sim.open(sim.asked[0])
    sim.fail(sim.core.active, retryable=False)
    sim.pass_time(0)
    assert [line.rung for line in sim.asked] == [2]


@pytest.mark.parametrize("jitter", [0.1, 0.5, 0.9])
def test_requests_to_a_provider_that_is_away_do_not_keep_the_next_engine_waiting(
    jitter: float,
) -> None:
    sim = simulation(rung("stream", 1.25, "dg"), REQUESTS, rung("here"), jitter=jitter)
    sim.open(sim.asked[0])
    talk(sim, 1)
    sim.fail(sim.core.active)
    began = sim.now
    while not (here := [line for line in sim.asked if line.rung == 2]):
        assert [line.rung for line in sim.asked] in ([], [0])
        for line in list(sim.asked):
            sim.fail(line)
        sim.pass_time(0.01)
    assert sim.now - began < 0.75
    assert 1 not in [line.rung for line in sim.asked]
    sim.open(here[0])


def test_requests_are_tried_where_nobody_else_is_there() -> None:
    sim = simulation(rung("stream", 1.25, "dg"), REQUESTS)
    sim.open(sim.asked[0])
    sim.fail(sim.core.active)
    line = until_asked(sim, 1)
    assert sim.now < 5
    sim.open(line)


def test_that_requests_stand_in_is_said_when_one_is_answered() -> None:
    sim = simulation(rung("stream", 1.25, "dg"), REQUESTS)
    sim.open(sim.asked[0])
    talk(sim, 1)
    sim.fail(sim.core.active)
    for _ in range(3):  # neither the stream nor requests get through
        line = until_asked(sim, 1)
        sim.open(line)
        sim.pass_time(1)
        sim.fail(line)
    assert not sim.told
    line = until_asked(sim, 1)
    sim.open(line)
    talk(sim, 1)
    sim.say(line, Silent(0.1))  # told without a request
    assert not [event for event in sim.told if not isinstance(event, Silent)]
    final(sim)
    (taken,) = [event for event in sim.told if isinstance(event, TakenOver)]
    assert taken.engine == "requests"


def test_requests_that_have_nothing_to_answer_are_no_trouble() -> None:
    sim = simulation(rung("stream", 1.25, "dg"), REQUESTS)
    sim.core.begun = True
    sim.open(sim.asked[0])
    talk(sim, 1)
    sim.fail(sim.core.active)
    line = until_asked(sim, 1)
    sim.open(line)
    sim.pass_time(60)
    assert not [event for event in sim.told if isinstance(event, Deaf)]


def test_live_text_is_not_given_up_for_requests() -> None:
    sim = simulation(rung("stream", 1.25, "dg"), REQUESTS, rung("here"))
    sim.open(sim.asked[0])
    sim.fail(sim.core.active)
    sim.pass_time(0)
    sim.open(until_asked(sim, 2))
    for _ in range(100):
        sim.pass_time(0.5)
        assert not [line for line in sim.asked if line.rung == 1]
        for line in [line for line in sim.asked if line.rung == 0]:
            sim.fail(line)


def test_tries_are_counted_anew_after_a_stable_connection(one: Simulation) -> None:
    def outage() -> float:
        one.fail(one.core.active)
        start = one.now
        while not one.asked:
            one.pass_time(0.05)
        return one.now - start

    first = outage()
    one.open(one.asked[0])
    second = outage()
    assert second > first  # lost at once: longer
    one.open(one.asked[0])
    talk(one, 11)
    assert outage() == pytest.approx(first)


def test_while_an_engine_is_full_the_next_one_listens_at_once_until_there_is_room() -> None:
    sim = simulation(FIRST, SECOND)
    (waiting,) = sim.asked
    sim.do(sim.core.waits(waiting, FULL, sim.now))
    second = next(line for line in sim.asked if line.rung == 1)  # in the same moment
    sim.open(second)
    assert sim.told == [TakenOver("second", FULL)]
    talk(sim, 30)
    final(sim)
    assert sim.asked == [waiting]  # it keeps its place, and nobody asks again
    sim.open(waiting)
    talk(sim, 3)
    final(sim)
    sim.pass_time(0.1)
    assert sim.core.active is waiting
    assert Listening("first") in sim.told
    sim.check()
    assert not sim.gaps


def test_a_leg_is_turned_down_when_all_are_full() -> None:
    sim = simulation(FIRST, SECOND)
    sim.do(sim.core.waits(sim.asked[0], FULL, sim.now))
    assert sim.core.turned_down is None
    none = CapacityError("all legs are taken")
    second = next(line for line in sim.asked if line.rung == 1)
    sim.do(sim.core.failed(second, none, sim.now))
    assert sim.core.turned_down is none
    alone = simulation(FIRST)
    alone.do(alone.core.waits(alone.asked[0], FULL, alone.now))
    assert alone.core.turned_down is FULL


def test_before_a_leg_has_begun_nobody_is_told_that_nobody_listens() -> None:
    sim = simulation(FIRST)
    sim.fail(sim.asked[0], retryable=False)
    sim.pass_time(100)
    assert not sim.told
    assert not sim.asked


def test_when_to_look_whether_a_final_is_to_be_asked_for(one: Simulation) -> None:
    for _ in range(2):
        one.fail(one.core.active)
        one.pass_time(1)
        one.open(one.asked[0])
    talk(one, 1)
    at = one.core.deadline(one.now)
    assert at is not None
    assert at - one.now == pytest.approx(1.0)  # two seconds have been sent then
    talk(one, 1.1)
    at = one.core.deadline(one.now)
    assert at is not None
    assert at - one.now <= GLANCE
