"""A connection that is kept ready for a leg whose own may be dead, in virtual time."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Late, SpeechBegan
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.sparing import SPREAD
from callscribe.errors import CapacityError, UpstreamError
from callscribe.transcript import Result
from tests.engines.resilient.simulation import (
    RATE,
    Simulation,
    final,
    talk,
    wait_for,
    words_between,
)

SILENT = UpstreamError("it answers nothing", code="deepgram_stalled", retryable=True)


def doubt(sim: Simulation, *, over: bool = False) -> Line:
    """Whoever listens does not answer, or has after all; who that is."""
    line = sim.core.active
    assert line is not None
    sim.do(sim.core.doubted(line, None if over else SILENT, sim.now))
    return line


def test_who_may_be_dead_has_a_successor_ready(one: Simulation) -> None:
    talk(one, 4)
    final(one)
    talk(one, 1)
    doubted = doubt(one)
    assert not one.asked, "many may have fallen silent together"
    deadline = one.core.deadline(one.now)
    assert deadline is not None
    assert one.now < deadline <= one.now + SPREAD
    talk(one, 0.2)
    (spare,) = one.asked
    one.open(spare)
    deadline = one.core.deadline(one.now)
    assert deadline is None or deadline > one.now
    talk(one, 0.5)
    assert one.core.active is doubted
    assert (spare.base, one.lines[spare].heard) == (4000, pytest.approx(875, abs=1)), "at its pace"
    assert one.most_open == 2
    one.fail(doubted)
    assert one.core.active is spare, "at once"
    assert one.lines[spare].heard < 900, "and goes on from where it is"
    talk(one, 10)
    assert one.core.is_caught_up
    final(one)
    one.check()
    assert not one.gaps


def test_who_follows_at_once_waits_all_the_same_until_it_is_known_what_is_silent(
    one: Simulation,
) -> None:
    talk(one, 2)
    doubted = doubt(one)
    talk(one, 0.2)
    (spare,) = one.asked
    one.core.seek_onset(one.now)
    one.open(spare)
    one.pass_time(0.1)
    assert not spare.begun
    one.core.silent_to(1200)
    one.pass_time(0)
    assert spare.base == 1200
    assert one.core.settled == 0, "who has the leg may still have words there"
    one.fail(doubted)
    assert one.core.active is spare
    assert one.core.settled == 1200


def test_a_successor_that_answers_has_the_leg_before_the_silent_one_is_given_up(
    one: Simulation,
) -> None:
    talk(one, 4)
    final(one)
    doubted = doubt(one)
    talk(one, 0.2)
    (spare,) = one.asked
    one.open(spare)
    talk(one, 2)
    hearing = one.lines[spare]
    one.say(spare, Result("", 0, hearing.heard / RATE, is_final=False))
    assert one.core.active is doubted, "that is no word"
    one.say(spare, hearing.result(hearing.heard, is_final=False, speech_final=False))
    assert one.core.active is spare
    assert doubted not in one.lines
    said = one.told[-1]
    assert isinstance(said, Result)
    assert said.text.split()[0] == str(words_between(4000, 5000)[0]), "and its words are told"
    talk(one, 8)
    final(one)
    one.check()
    assert not one.gaps


def spared(sim: Simulation, seconds: float) -> tuple[Line, Line]:
    """Who may be dead, and a spare that has heard the leg for so long."""
    doubted = doubt(sim)
    talk(sim, 0.2)
    spare = sim.core.spare
    assert spare is not None
    sim.open(spare)
    talk(sim, seconds)
    assert spare.begun
    return doubted, spare


def answer(sim: Simulation, line: Line) -> None:
    """Interim words of all that a line has heard."""
    hearing = sim.lines[line]
    sim.say(line, hearing.result(hearing.heard, is_final=False, speech_final=False))


def test_what_a_successor_is_still_to_hear_is_kept(one: Simulation) -> None:
    talk(one, 8)
    doubted, spare = spared(one, 1)
    final(one)  # one more, and the connection is silent again
    assert spare.sent < one.core.settled - 2 * RATE
    talk(one, 1)
    one.fail(doubted)
    assert one.core.active is spare
    talk(one, 60)
    assert one.core.is_caught_up
    final(one)
    one.check()
    assert not one.gaps


def test_words_that_were_final_before_are_no_answer(one: Simulation) -> None:
    talk(one, 8)
    doubted, spare = spared(one, 1)
    hearing = one.lines[spare]
    final(one)
    one.say(spare, hearing.result(hearing.heard, is_final=False, speech_final=False))
    assert one.core.active is doubted
    assert one.told == one.finals


def test_a_successor_has_the_leg_because_of_what_was_in_doubt(one: Simulation) -> None:
    talk(one, 4)
    _, spare = spared(one, 0.5)
    answer(one, spare)
    assert one.core.active is spare
    (late,) = [event for event in one.told if isinstance(event, Late)]
    assert late.error is SILENT


@pytest.mark.parametrize("settled", [False, True])
def test_where_a_successor_hears_somebody_begin_to_speak_is_told_with_the_leg(
    one: Simulation, settled: bool
) -> None:
    talk(one, 4)
    one.say(one.core.active, SpeechBegan(0.1))
    if settled:
        final(one)
    doubted, spare = spared(one, 1)
    one.say(spare, SpeechBegan(0.2))
    assert [e.start for e in one.told if isinstance(e, SpeechBegan)] == [0.1]
    one.fail(doubted)
    told = [e.start for e in one.told if isinstance(e, SpeechBegan)]
    assert told == ([0.1, 4.2] if settled else [0.1]), "once"


def test_a_successor_that_has_caught_up_is_given_what_comes(one: Simulation) -> None:
    talk(one, 1)
    _, spare = spared(one, 6)
    assert spare.sent == one.core.received
    deadline = one.core.deadline(one.now)
    assert deadline is not None
    assert deadline <= one.now + 0.05, "no audio goes to it by itself"


def test_who_falls_again_and_again_has_no_successor_of_its_own_kind(two: Simulation) -> None:
    two.fail(two.core.active)
    (again,) = wait_for(two, 0)
    two.open(again)
    talk(two, 2)
    doubted, spare = spared(two, 1)
    two.fail(doubted)
    assert two.core.active is None
    assert spare not in two.lines
    (steady,) = wait_for(two, 1)
    two.open(steady)
    assert two.core.active is steady


def test_who_answers_has_the_leg_wherever_others_fall(two: Simulation) -> None:
    two.fail(two.core.active)
    (again,) = wait_for(two, 0)
    two.open(again)
    talk(two, 2)
    doubted, spare = spared(two, 1)
    answer(two, spare)
    assert doubted not in two.lines
    assert two.core.active is spare, "nobody is given up for it, and it as well"


def test_a_successor_does_not_hear_more_than_is_heard_again(one: Simulation) -> None:
    talk(one, one.core.patience.replay + 1)
    doubted = doubt(one)
    talk(one, 0.2)
    (spare,) = one.asked
    one.open(spare)
    talk(one, 1)
    assert not spare.begun
    one.fail(doubted)
    assert one.core.active is spare


@pytest.mark.parametrize("opens", [True, False])
def test_a_successor_of_who_answers_after_all_is_let_go(one: Simulation, opens: bool) -> None:
    talk(one, 2)
    doubted = doubt(one)
    talk(one, 0.2)
    if opens:
        one.open(one.asked[0])
    final(one)
    doubt(one, over=True)
    assert not one.asked
    assert list(one.lines) == [doubted]
    talk(one, 2)
    doubt(one)
    talk(one, 2)
    assert not one.asked, "a moment ago there was one"
    talk(one, 10)
    assert one.asked


@pytest.mark.parametrize("how", ["lost", "refused", "full"])
def test_a_successor_that_cannot_be_had_changes_nothing(two: Simulation, how: str) -> None:
    for _ in range(3):  # more often than makes an engine one that falls again and again
        doubt(two)
        talk(two, 0.2)
        (spare,) = two.asked
        if how == "full":
            two.do(two.core.waits(spare, CapacityError("all are taken"), two.now))
        else:
            two.open(spare)
            two.fail(spare, retryable=how == "lost")
        assert two.core.spare is None
        assert not two.asked
        doubt(two, over=True)
        talk(two, 12)
        final(two)
    assert two.core.active in two.lines
    assert two.told == two.finals, "and nobody is told"
    two.fail(two.core.active)
    assert [line.rung for line in two.asked] == [], "the jitter"
    two.pass_time(0.25)
    assert [line.rung for line in two.asked] == [0], "it is tried as ever"


@pytest.mark.parametrize("how", ["refused", "replaced", "given up", "completed"])
def test_a_successor_goes_with_the_doubt(two: Simulation, how: str) -> None:
    if how == "replaced":
        two.fail(two.core.active)
        (second,) = wait_for(two, 1)
        two.open(second)
        (first,) = wait_for(two, 0)
        assert two.core.active is second
    doubted = doubt(two)
    talk(two, 0.2)
    spare = two.core.spare
    assert spare is not None
    two.open(spare)
    if how == "refused":
        two.fail(doubted, retryable=False)
    elif how == "replaced":
        two.open(first)
        talk(two, 13)
        assert two.core.active is first
    elif how == "given up":
        two.do(two.core.give_up())
    else:
        two.do(two.core.completed(doubted))
        two.do(two.core.give_up())
    assert two.core.spare is None
    assert spare not in two.lines
