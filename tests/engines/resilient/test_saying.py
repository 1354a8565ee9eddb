"""What is told of who listens, of nobody listening, and of text that is late."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Deaf, Late, Listening, TakenOver, Unheard
from tests.engines.resilient.simulation import Simulation, final, late, talk, wait_for


def test_where_all_refuse_it_is_said_once_and_what_is_not_heard_as_it_grows(
    two: Simulation,
) -> None:
    two.core.begun = True
    talk(two, 3)
    two.fail(two.core.active, retryable=False)
    two.pass_time(0)
    two.fail(two.asked[-1], retryable=False)
    assert [type(event) for event in two.told] == [Unheard, Deaf]
    talk(two, 59)
    assert not two.asked
    assert [(gap.start, gap.end) for gap in two.gaps] == [(0.0, 3.0), (3.0, 33.0)]
    at = two.core.deadline(two.now)
    assert at is not None
    assert at - two.now == pytest.approx(1.0)
    talk(two, 1.1)
    assert [line.rung for line in two.asked] == [0, 1]
    while two.asked:
        two.fail(two.asked[0], retryable=False)
    talk(two, 59)
    assert not two.asked, "a minute again"
    talk(two, 1.1)
    first, second = two.asked
    two.fail(first, retryable=False)
    two.open(second)
    assert isinstance(two.told[-1], TakenOver)
    assert [type(event) for event in two.told].count(Deaf) == 1
    assert two.gaps[-1].end == 123.1
    talk(two, 3)
    final(two)
    two.check()


def test_where_all_refuse_it_is_first_found_out_what_is_silent(
    one: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engines.resilient.simulation.UNSAID", frozenset(range(12)))
    one.core.begun = True
    talk(one, 4)
    one.fail(one.core.active)
    one.core.seek_onset(one.now)
    while not one.asked:
        one.core.seek_onset(one.now)
        one.pass_time(0.05)
    one.fail(one.asked[0], retryable=False)
    assert not one.gaps
    one.core.silent_to(3000)
    one.pass_time(0)
    assert [gap.start for gap in one.gaps] == [3.0]


def test_that_the_text_is_late_is_told_once_until_it_has_caught_up(one: Simulation) -> None:
    def lates() -> list[int]:
        return [round(event.seconds) for event in one.told if isinstance(event, Late)]

    late(one, 2)
    one.pass_time(5)
    assert not lates(), "that is not worth it"
    late(one, 6)
    assert lates() == [8], "there was no final before"
    late(one, 1)
    assert lates() == [8], "it has not caught up"
    one.pass_time(20)
    assert one.core.is_caught_up
    late(one, 4)
    assert lates() == [8, 13]


def test_who_takes_over_is_named_and_not_called_late(two: Simulation) -> None:
    talk(two, 2)
    two.fail(two.core.active, retryable=False)
    two.speak(9000)
    two.open(two.asked[0])
    assert not any(isinstance(event, Late) for event in two.told)
    assert any(isinstance(event, TakenOver) for event in two.told)


def test_who_is_handed_the_leg_is_not_called_late(two: Simulation) -> None:
    talk(two, 2)
    two.fail(two.core.active)
    two.open(*wait_for(two, 1))
    talk(two, 5)
    two.open(*wait_for(two, 0))
    talk(two, 13)
    assert any(isinstance(event, Listening) for event in two.told)
    assert not any(isinstance(event, Late) for event in two.told)
