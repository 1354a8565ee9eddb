"""One leg's way through outages, in virtual time."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from callscribe.engines.base import Deaf, Listening, Silent, TakenOver
from callscribe.engines.resilient.core import SEEKING, Core
from callscribe.engines.resilient.rules import GLANCE, Patience
from callscribe.errors import CapacityError
from callscribe.transcript import Result, Word
from tests.engines.resilient.simulation import (
    FIRST,
    RATE,
    SECOND,
    Simulation,
    fall,
    final,
    late,
    rung,
    simulation,
    talk,
    wait_for,
    words_between,
)


def texts(sim: Simulation) -> str:
    return " ".join(f.text for f in sim.finals if f.text)


def falling_before_requests() -> Simulation:
    """The first engine has fallen twice; requests and another engine come behind it."""
    requests = dataclasses.replace(rung("requests"), streaming=False)
    sim = simulation(FIRST, requests, SECOND)
    sim.core.begun = True
    sim.open(sim.asked[0])
    sim.fail(sim.core.active)
    fall(sim, 1)
    return sim


def test_while_all_is_well_audio_goes_straight_through(one: Simulation) -> None:
    line = one.core.audio(100)
    assert line is one.core.active
    assert one.core.due(one.now) is None
    assert one.core.is_caught_up


def test_what_had_no_final_is_heard_again_behind_a_drop(one: Simulation) -> None:
    talk(one, 4)
    final(one)
    talk(one, 2)
    one.fail(one.core.active)
    assert one.core.audio(100) is None  # it waits
    one.pass_time(0.25)
    one.open(one.asked[0])
    talk(one, 20)
    assert one.core.is_caught_up
    final(one)
    one.check()
    assert texts(one).split() == [str(k) for k in words_between(0, one.core.settled)]
    assert not one.gaps


def test_kept_audio_is_sent_at_its_pace(one: Simulation) -> None:
    talk(one, 4)
    one.fail(one.core.active)
    one.pass_time(0.25)
    one.open(one.asked[0])
    one.pass_time(0)
    line = one.core.active
    assert line is not None
    assert line.sent == 250  # a quarter of a second at once
    one.pass_time(2)
    assert line.sent == 250 + 2500


def test_kept_audio_leaves_time_for_everything_else() -> None:
    core = Core([FIRST], 16_000, Patience(), lambda: 0.0)
    core.audio(64_000)
    core.tick(0.0)
    core.opened(core.opening[0], 0.0)
    sent, now = [], 0.0
    while (due := core.due(now)) is not None:  # whoever sends it looks again behind each piece
        line, start, end = due
        core.fed(line, end)
        sent.append(end - start)
        now += 0.001
    assert sent == [4000]
    assert core.due(now + 0.016) is not None


def test_the_next_engine_takes_over_in_time_and_hands_back_at_a_boundary(two: Simulation) -> None:
    talk(two, 3)
    two.fail(two.core.active)
    two.pass_time(0.25)
    two.fail(two.asked[0])  # refused again
    two.pass_time(0.4)
    assert [line.rung for line in two.asked] in ([], [0])
    two.pass_time(0.1)
    second = next(line for line in two.asked if line.rung == 1)
    two.open(second)
    assert two.core.active is second
    assert isinstance(two.told[-1], TakenOver)
    assert two.now < 3 + 1
    two.pass_time(0)
    assert two.core.is_caught_up  # the tail at once: it is on this machine
    two.pass_time(5)
    first = next(line for line in two.asked if line.rung == 0)
    two.open(first)
    two.say(second, two.lines[second].result(1000, is_final=False, speech_final=False))
    talk(two, 3)
    assert two.core.active is second, "words are open"
    final(two)
    two.pass_time(0.1)
    assert two.core.active is first
    assert two.told[-1] == Listening("first")
    assert second not in two.lines
    talk(two, 1)
    final(two)
    two.check()
    assert not two.gaps


def test_a_monologue_does_not_keep_the_first_engine_waiting_for_ever(two: Simulation) -> None:
    two.fail(two.core.active, retryable=True)
    two.pass_time(0.7)
    two.open(next(line for line in two.asked if line.rung == 1))
    two.pass_time(1)
    two.open(next(line for line in two.asked if line.rung == 0))
    line = two.core.active
    assert line is not None
    talk(two, 1)
    two.say(line, two.lines[line].result(500, is_final=False, speech_final=False))
    talk(two, 12)
    assert two.core.active is not line
    talk(two, 20)
    final(two)
    two.check()


def test_a_connection_that_was_given_up_has_no_say(two: Simulation) -> None:
    talk(two, 1)
    first = two.core.active
    assert first is not None
    stale = two.lines[first].result(1000, is_final=True, speech_final=True)
    two.fail(first)
    two.say(first, stale)
    two.pass_time(0.7)
    two.open(next(line for line in two.asked if line.rung == 1))
    two.say(first, stale)
    two.say(first, Silent(1.0))
    assert not two.finals
    assert two.core.settled == 0


def test_what_is_too_old_becomes_a_gap(one: Simulation) -> None:
    talk(one, 4)
    final(one)
    one.fail(one.core.active)
    for _ in range(600):
        talk(one, 0.1)
        while one.asked:
            one.fail(one.asked[0])
    assert one.most_open <= 1
    talk(one, 31)
    one.open(one.asked[0])
    (gap,) = one.gaps
    assert (gap.start, gap.end) == (4.0, pytest.approx(one.core.received / RATE - 20))
    talk(one, 120)
    final(one)
    one.check()


def test_no_word_is_cut_where_a_gap_ends(one: Simulation) -> None:
    asked = []

    def quiet(near: int, low: int, high: int) -> int:
        asked.append((near - low, high - near))
        return near + 130

    one.core.quiet = quiet
    talk(one, 40)
    one.fail(one.core.active)
    one.pass_time(1)
    one.open(one.asked[0])
    (gap,) = one.gaps
    assert (gap.start, gap.end) == (0.0, 20.13)
    line = one.core.active
    assert line is not None
    assert line.base == 20_130, "the engine hears what is not in the gap, and no more"
    assert asked == [(2000, 2000)]


def test_nor_where_audio_was_dropped(two: Simulation) -> None:
    two.core.quiet = lambda near, low, high: min(near + 130, high) if low == near else 0
    talk(two, 10)
    two.core.kept_from = 3000
    two.fail(two.core.active, retryable=False)
    two.open(two.asked[-1])
    assert [(gap.start, gap.end) for gap in two.gaps] == [(0.0, 3.13)]


def test_a_quicker_engine_hears_what_would_be_too_old_for_the_first(two: Simulation) -> None:
    talk(two, 25)  # without a final: it stalls
    two.fail(two.core.active, retryable=True)
    two.pass_time(0.3)
    asked = {line.rung: line for line in two.asked[-2:]}
    assert set(asked) == {0, 1}
    two.open(asked[0])
    assert two.core.active is None  # what it could not hear any more the other can
    two.open(asked[1])
    assert two.core.active is asked[1]
    assert two.gaps == []
    two.pass_time(15)
    assert two.core.active is asked[1]
    final(two)
    two.pass_time(0.2)
    assert two.core.active is asked[0]
    assert two.gaps == []


def test_results_about_what_is_final_already_are_left_out(one: Simulation) -> None:
    talk(one, 4)
    line = one.core.active
    assert line is not None
    hearing = one.lines[line]
    one.say(line, hearing.result(2000, is_final=True, speech_final=True))
    hearing.final_to = 0
    one.say(line, hearing.result(2000, is_final=False, speech_final=False))
    assert len(one.told) == 1
    one.say(line, hearing.result(4000, is_final=True, speech_final=True))
    one.check()


def test_silence_is_no_reason_to_keep_audio(one: Simulation) -> None:
    talk(one, 10)
    line = one.core.active
    assert line is not None
    one.say(line, Silent(9.5))
    assert one.core.settled == 9500
    one.say(line, Silent(99))  # nobody hears what was not said
    assert one.core.settled == 10_000


def test_that_nobody_listens_for_a_while_is_said_once_and_that_it_is_over(one: Simulation) -> None:
    one.core.begun = True
    talk(one, 2)
    final(one)
    for _ in range(2):
        one.fail(one.core.active)
        for _ in range(120):
            one.pass_time(0.25)
            for line in list(one.asked):
                one.fail(line)
        one.pass_time(70)
        (away,) = [event for event in one.told if isinstance(event, Deaf)]
        assert away.kept
        one.open(one.asked[0])
        one.pass_time(0)
        assert one.told[-1] == away
        talk(one, 1)
        final(one)
        assert Listening("first") in one.told
        one.told.clear()


def test_streams_that_open_and_fall_are_an_outage_until_one_stays(one: Simulation) -> None:
    one.core.begun = True
    talk(one, 2)
    final(one)
    one.told.clear()
    one.fail(one.core.active)
    for _ in range(100):
        one.pass_time(0.5)
        if one.asked:
            one.open(one.asked[0])
            one.pass_time(1.5)
            one.fail(one.core.active)
    assert [type(event) for event in one.told] == [Deaf]
    while not one.asked:
        one.pass_time(0.5)
    one.open(one.asked[0])
    one.pass_time(2.1)
    assert one.told[1:] == [Listening("first")]


def test_a_short_outage_is_not_worth_a_word(one: Simulation) -> None:
    one.core.begun = True
    talk(one, 2)
    one.fail(one.core.active)
    one.pass_time(4)
    one.open(one.asked[0])
    one.pass_time(10)
    assert not one.told


def dies_young(sim: Simulation, *, after: float = 5, times: int = 2) -> None:
    """Connections are lost one after the other, each with a sentence that has no final."""
    for _ in range(times):
        talk(sim, after)
        sim.fail(sim.core.active)
        while not sim.asked:
            sim.pass_time(0.05)
        sim.open(sim.asked[0])


def until_asked(sim: Simulation, *, most: float = 10) -> float:
    """Speaks until a final is asked for; how many seconds that took."""
    began = sim.now
    while not sim.finals_asked and sim.now < began + most:
        talk(sim, 0.1)
    return sim.now - began


def test_where_connections_die_young_a_final_is_asked_for_before(one: Simulation) -> None:
    dies_young(one)
    line = one.core.active
    assert line is not None
    took = until_asked(one)
    assert took == pytest.approx(3.5 / 1.25, abs=0.2), "3.5 s, at the pace of what was kept"
    one.answer(line)
    assert one.core.settled == pytest.approx(3500, abs=250)
    assert until_asked(one) == pytest.approx(3.5 / 1.25, abs=0.2)
    one.check()


def test_rather_in_a_quiet_moment_if_there_is_one(one: Simulation) -> None:
    dies_young(one)
    quiet: list[int] = []
    one.core.lull = lambda end: end >= 2600 and not quiet.append(end)
    until_asked(one)
    (line,) = one.finals_asked
    assert line.asked_to == quiet[0] == pytest.approx(2600, abs=1000 * GLANCE + 100)
    one.answer(line)
    until_asked(one)
    assert line.asked_to - quiet[0] == pytest.approx(2000, abs=2000 * GLANCE + 100), (
        "enough to be understood"
    )


def test_a_quiet_moment_is_looked_for_now_and_then_and_not_oftener(one: Simulation) -> None:
    dies_young(one)
    looks: list[int] = []
    one.core.lull = lambda end: bool(looks.append(end))
    for _ in range(300):
        one.pass_time(0.01)
    assert one.finals_asked
    assert 5 <= len(looks) <= 1.5 / GLANCE


def test_where_no_answer_comes_it_is_asked_again_a_second_later_with_more_behind_it(
    one: Simulation,
) -> None:
    dies_young(one)
    line = one.core.active
    assert line is not None
    until_asked(one)
    for _ in range(3):
        one.finals_asked.clear()
        assert until_asked(one) == pytest.approx(1.0, abs=0.11)
    one.finals_asked.clear()
    one.fail(line)
    one.check()


def test_where_nothing_was_sent_since_nothing_is_asked(one: Simulation) -> None:
    dies_young(one, after=2)
    one.core.lull = lambda _end: True
    for _ in range(50):
        one.pass_time(0.1)
    assert one.core.is_caught_up
    asked = len(one.finals_asked)
    assert asked
    for _ in range(20):
        at = one.core.deadline(one.now)
        assert at is not None
        assert at >= one.now + 0.05, "nor is there anything to look at all the time"
        one.pass_time(0.1)
    assert len(one.finals_asked) == asked


def test_what_brought_finals_was_worth_opening(one: Simulation) -> None:
    delays = []
    for _ in range(6):
        until_asked(one, most=4)
        if one.finals_asked:
            one.answer(one.finals_asked[0])
        one.fail(one.core.active)
        began = one.now
        while not one.asked:
            one.pass_time(0.05)
        delays.append(one.now - began)
        one.open(one.asked[0])
    assert delays == pytest.approx([0.25, 0.5, 0.25, 0.25, 0.25, 0.25], abs=0.06)


def test_audio_that_comes_in_a_burst_is_asked_about_once_a_second(one: Simulation) -> None:
    dies_young(one)
    line = one.core.active
    assert line is not None
    one.core.rungs = [SECOND]  # takes all at once
    asks = []
    for _ in range(30):
        one.speak(4000)
        one.pass_time(0.1)
        asks += [one.now] * len(one.finals_asked)
        one.finals_asked.clear()
    assert len(asks) == 3


def test_before_there_are_words_nothing_is_asked(one: Simulation) -> None:
    """The answer would settle the beginning of a word that nobody has understood yet."""
    one.core.interims = True
    dies_young(one)
    line = one.core.active
    assert line is not None
    until_asked(one, most=5)
    assert not one.finals_asked
    hearing = one.lines[line]
    hearing.final_to = 4000  # silence, or what is none of its business
    shown = hearing.result(hearing.heard, is_final=False, speech_final=False)
    hearing.final_to = 0
    one.say(line, shown)
    until_asked(one)
    asked_about = line.asked_to / RATE - shown.words[0].start
    assert asked_about == pytest.approx(3.5, abs=0.3), "from the first word on"
    one.answer(line)
    assert not one.finals_asked
    until_asked(one, most=3)
    assert not one.finals_asked, "there are no words again"
    one.check()


@pytest.mark.parametrize(("after", "times"), [(5, 1), (11, 4)])
def test_who_keeps_its_connections_is_not_asked(one: Simulation, after: float, times: int) -> None:
    one.core.lull = lambda _end: True
    dies_young(one, after=after, times=times)
    until_asked(one, most=15)
    assert not one.finals_asked


def test_nor_who_keeps_them_again(one: Simulation) -> None:
    dies_young(one, times=4)
    talk(one, 10.5)
    one.finals_asked.clear()
    until_asked(one, most=15)
    assert not one.finals_asked
    one.fail(one.core.active)
    one.pass_time(0.5)
    one.open(one.asked[0])
    until_asked(one, most=9)
    assert not one.finals_asked


def test_silence_before_what_is_heard_again_is_passed_over(one: Simulation) -> None:
    talk(one, 4)
    final(one)
    said = one.core.settled
    talk(one, 4)
    one.fail(one.core.active)
    one.core.seek_onset(one.now)
    one.core.silent_to(said + 3000)
    one.pass_time(0.25)
    one.open(one.asked[0])
    line = one.core.active
    assert line is not None
    assert line.base == one.core.settled == said + 3000
    assert not one.gaps, "somebody has listened to it"


def test_whoever_takes_audio_at_once_gets_the_silence_too(two: Simulation) -> None:
    talk(two, 4)
    two.fail(two.core.active, retryable=False)
    two.core.silent_to(3000)
    two.open(two.asked[0])
    line = two.core.active
    assert line is not None
    assert (line.rung, line.base) == (1, 0)


def test_who_is_next_waits_until_it_is_known_what_is_silent(one: Simulation) -> None:
    talk(one, 4)
    one.fail(one.core.active)
    one.pass_time(0.25)
    one.core.seek_onset(one.now)
    one.open(one.asked[0])
    assert one.core.active is None
    deadline = one.core.deadline(one.now)
    assert deadline == pytest.approx(one.now + SEEKING)
    one.pass_time(SEEKING)  # no longer than that
    assert one.core.active is not None
    assert one.core.settled == 0


def test_it_is_silent_no_further_than_there_is_audio(one: Simulation) -> None:
    talk(one, 2)
    one.fail(one.core.active)
    one.core.silent_to(one.core.received + 500)
    one.pass_time(0.25)
    one.open(one.asked[0])
    assert one.core.settled == one.core.received


def test_what_is_heard_late_has_the_latency_of_that(one: Simulation) -> None:
    talk(one, 4)
    one.fail(one.core.active)
    one.pass_time(0.25)
    one.open(one.asked[0])
    one.pass_time(2)
    line = one.core.active
    assert line is not None
    hearing = one.lines[line]
    behind = (one.core.received - line.sent) / RATE
    assert behind > 1
    found = hearing.result(hearing.heard, is_final=False, speech_final=False)
    one.say(line, replace(found, latency_ms=100.0))
    assert one.told[-1].latency_ms == pytest.approx(100 + 1000 * behind)  # type: ignore[union-attr]


def test_words_that_were_shown_are_heard_again_whatever_seems_silent(one: Simulation) -> None:
    talk(one, 4)
    line = one.core.active
    assert line is not None
    hearing = one.lines[line]
    hearing.final_to = 2000
    one.say(line, hearing.result(hearing.heard, is_final=False, speech_final=False))
    one.fail(line)
    one.core.silent_to(4000)
    one.pass_time(0.25)
    one.open(one.asked[0])
    assert one.core.settled == 2000 - 500


def test_what_is_not_kept_any_more_is_no_silence(one: Simulation) -> None:
    talk(one, 4)
    one.fail(one.core.active)
    one.core.kept_from = 1000
    one.core.silent_to(3000)
    one.pass_time(0.25)
    one.open(one.asked[0])
    assert [(gap.start, gap.reason) for gap in one.gaps] == [(0.0, "it was too long to keep")]


def test_without_words_a_final_is_asked_for_late_and_in_a_quiet_moment(one: Simulation) -> None:
    one.core.interims = True
    dies_young(one)
    quiet: list[int] = []
    one.core.lull = lambda end: end >= 4500 and not quiet.append(end)
    until_asked(one)
    assert one.finals_asked
    assert quiet


def test_who_takes_audio_at_once_need_not_wait_for_the_onset(two: Simulation) -> None:
    talk(two, 4)
    two.fail(two.core.active, retryable=False)
    two.core.seek_onset(two.now)
    two.open(two.asked[0])
    assert two.core.active is not None


def test_pauses_are_passed_over_by_a_line_that_is_late(one: Simulation) -> None:
    line = late(one, 8)
    one.core.silent_between(line, [(2000, 4000), (5000, 6500)])
    one.pass_time(2)
    assert (line.given, line.left_out) == (pytest.approx(2750, abs=1), 2000)
    one.pass_time(2)
    assert one.core.is_caught_up, "in four seconds, not in six and a half"
    one.say(line, one.lines[line].result(4500, is_final=True, speech_final=True))
    assert one.core.settled == 8000


def test_pauses_that_are_found_while_audio_is_on_its_way_wait_for_it(one: Simulation) -> None:
    line = late(one, 8)
    one.now += 1
    due = one.core.due(one.now)
    assert due is not None
    one.core.silent_between(line, [(due[1], 3000)])
    one.feed(*due)
    assert line.sent == due[2]
    one.pass_time(1)
    assert line.left_out == 3000 - due[2]


def test_words_that_were_shown_are_heard_again_whatever_seems_silent_there(
    one: Simulation,
) -> None:
    talk(one, 4)
    before = one.core.active
    assert before is not None
    one.say(before, one.lines[before].result(3000, is_final=False, speech_final=False))
    line = late(one, 6)
    one.core.silent_between(line, [(500, 2000), (2500, 6000)])
    assert line.pauses == [(3600, 6000)], "the last word ended at 3.1 s, and may sound on"


def test_a_pause_before_the_words_that_were_shown_is_left_out(one: Simulation) -> None:
    talk(one, 8)
    before = one.core.active
    assert before is not None
    shown = one.lines[before].result(7000, is_final=False, speech_final=False)
    one.say(before, replace(shown, start=4.0, words=(Word("oui", 4.0, 4.3, 0.9),)))
    line = late(one, 6)
    one.core.silent_between(line, [(500, 3800), (4500, 6000)])
    assert line.pauses == [(500, 3500), (4800, 6000)]


def test_pauses_of_a_line_that_was_lost_are_of_no_use(one: Simulation) -> None:
    line = late(one, 6)
    one.fail(line)
    one.core.silent_between(line, [(2000, 4000)])
    assert not line.pauses


def test_latency_is_that_of_the_audio_also_where_a_pause_was_left_out(one: Simulation) -> None:
    line = late(one, 12)
    one.core.silent_between(line, [(2000, 9000)])
    one.pass_time(1.2)
    said = Result("oui", 0.5, 1.0, True, True, (Word("oui", 0.5, 1.0, 0.9),), latency_ms=300.0)
    before = one.core.received - line.sent
    assert line.left_out == 0
    one.say(line, said)
    one.pass_time(1)
    assert line.left_out == 7000
    one.say(line, replace(said, start=1.0, end=1.5, words=(Word("non", 1.0, 1.5, 0.9),)))
    first, second = one.finals
    assert first.latency_ms == pytest.approx(300 + before)
    assert second.latency_ms == pytest.approx(300 + one.core.received - line.sent + 7000)


def test_silence_that_was_left_out_is_no_reason_to_ask_for_a_final(one: Simulation) -> None:
    for _ in range(2):  # connections do not last
        line = late(one, 1)
        one.pass_time(2)
    line = late(one, 15)
    one.core.silent_between(line, [(line.base + 500, line.base + 9000)])
    one.pass_time(2)
    assert line.left_out > 8000
    assert not one.finals_asked, "it was sent 2.6 s"
    one.pass_time(1)
    one.pass_time(GLANCE)
    assert one.finals_asked == [line]


def test_where_the_first_engine_falls_again_and_again_the_next_one_listens(
    two: Simulation,
) -> None:
    two.fail(two.core.active)
    fall(two, 1)
    assert two.core.active is None
    assert [line.rung for line in two.asked] == [1], "it is asked at once"
    first, second = wait_for(two, 0, 1)
    two.open(first)
    assert two.core.active is None, "another one is nearly there"
    two.open(second)
    assert two.core.active is second
    two.check()


def test_requests_take_no_leg_from_who_listens_live() -> None:
    """They may have been asked at the same time as who was there first."""
    sim = falling_before_requests()
    by_requests, live = wait_for(sim, 1, 2)
    sim.open(live)
    assert sim.core.active is live
    assert by_requests not in sim.asked
    assert by_requests not in sim.core.opening
    talk(sim, 5)
    assert sim.core.active is live


def test_it_is_handed_the_leg_again_when_it_has_stayed(two: Simulation) -> None:
    two.fail(two.core.active)
    fall(two, 1)
    talk(two, 0.3)
    two.open(*wait_for(two, 1))
    (back,) = wait_for(two, 0)
    two.open(back)
    talk(two, 9)
    final(two)
    talk(two, 0.5)
    assert two.core.active is not back, "two seconds were too short before"
    talk(two, 1)
    final(two)
    talk(two, 0.1)
    assert two.core.active is back
    two.check()


def test_where_the_next_one_is_full_it_goes_on_with_what_falls(two: Simulation) -> None:
    two.core.begun = True
    two.fail(two.core.active)
    fall(two, 1)
    first, second = wait_for(two, 0, 1)
    two.do(two.core.waits(second, CapacityError("full"), two.now))
    two.open(first)
    assert two.core.active is first
    two.check()


def test_where_nobody_stands_in_it_goes_on_with_what_falls(one: Simulation) -> None:
    one.fail(one.core.active)
    fall(one, 3)
    while not one.asked:
        talk(one, 0.1)
    line = one.asked[0]
    one.open(line)
    assert one.core.active is line


def test_silence_is_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests take over late."""
    monkeypatch.setattr("tests.engines.resilient.simulation.UNSAID", frozenset(range(12)))
    requests = dataclasses.replace(rung("requests"), streaming=False)
    sim = simulation(FIRST, requests, patience=Patience(replay=5))
    sim.core.begun = True
    sim.open(sim.asked[0])
    sim.fail(sim.core.active)
    sim.speak(20_000)
    sim.core.silent_to(12_000)
    while not any(line.rung == 1 for line in sim.asked):
        sim.pass_time(0.1)
    sim.open(next(line for line in sim.asked if line.rung == 1))
    assert [(gap.start, round(gap.end)) for gap in sim.gaps] == [(12.0, 15)]


def test_words_that_were_shown_stand_until_another_connection_shows_them(
    one: Simulation,
) -> None:
    talk(one, 4)
    before = one.core.active
    assert before is not None
    one.say(before, one.lines[before].result(3000, is_final=False, speech_final=False))
    line = late(one, 1)
    told = len(one.told)
    one.say(line, Result("", 0.0, 0.5, is_final=False))
    assert len(one.told) == told


def test_to_wait_connected_is_no_proof(two: Simulation) -> None:
    """It falls as soon as it is given audio, however long it was there before."""
    two.fail(two.core.active)
    fall(two, 1)
    two.open(*wait_for(two, 1))
    (back,) = wait_for(two, 0)
    two.open(back)
    talk(two, 11)
    final(two)
    talk(two, 0.2)
    assert two.core.active is back
    talk(two, 3)
    two.fail(back)
    talk(two, 0.2)
    assert any(line.rung == 1 for line in two.asked), "at once"
    two.check()


def test_requests_do_not_come_before_who_is_waited_for() -> None:
    sim = falling_before_requests()
    first, by_requests, live = wait_for(sim, 0, 1, 2)
    sim.open(first)
    sim.open(by_requests)
    assert sim.core.active is None
    sim.open(live)
    assert sim.core.active is live


def test_words_that_were_shown_are_heard_again_also_by_the_one_after_the_next(
    one: Simulation,
) -> None:
    talk(one, 4)
    before = one.core.active
    assert before is not None
    one.say(before, one.lines[before].result(3000, is_final=False, speech_final=False))
    late(one, 1)  # it shows nothing
    one.fail(one.core.active)
    one.core.silent_to(one.core.received)
    while not one.asked:
        one.pass_time(0.1)
    one.open(one.asked[0])
    assert one.core.settled == 0


def test_words_of_who_listens_take_the_short_way(two: Simulation) -> None:
    talk(two, 2)
    line = two.core.active
    assert line is not None
    hearing = two.lines[line]
    said = hearing.result(hearing.heard, is_final=False, speech_final=False)
    two.say(line, said)
    assert two.shown == 1
    two.fail(line)
    assert two.core.shown(line, said) is None, "it does not listen any more"


def test_words_of_who_listens_since_take_the_short_way_too(one: Simulation) -> None:
    talk(one, 2)
    final(one)
    one.fail(one.core.active)
    one.pass_time(0.25)
    one.open(one.asked[0])
    talk(one, 20)
    line = one.core.active
    assert line is not None
    assert line.base > 0, "its clock is not the leg's"
    final(one)
    talk(one, 1)
    hearing, shown = one.lines[line], one.shown
    one.say(line, hearing.result(hearing.heard, is_final=False, speech_final=False))
    assert one.shown == shown + 1
