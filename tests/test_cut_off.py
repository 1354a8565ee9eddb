"""What nobody heard of speakers whose server died, and what they bring back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.bus.local import LocalBus
from callscribe.cut_off import CutOff, Former
from callscribe.events import Event, Gap, GapRepaired, LegEnded, SessionInterrupted
from callscribe.ledger import Ledger
from callscribe.record import Record
from callscribe.transcript import Utterance
from tests.test_past import past, started

LEG = started(1, "agent", 5.0)
SAID = Utterance("agent-1", "agent", "oui", 10.0, 12.0, (), 0.9)


def taken_up(*events: Event, said: tuple[Utterance, ...] = (SAID,)) -> tuple[CutOff, LocalBus]:
    bus = LocalBus()
    record = Record("call", Ledger(bus, lambda: 1060.0))
    before = past(*events, said=said)
    record.take_up(before)
    cut_off = CutOff(record)
    cut_off.take_up(before)
    return cut_off, bus


def told(bus: LocalBus) -> list[tuple[str, float, float]]:
    found: list[tuple[str, float, float]] = []
    for event in bus.history("call"):
        if isinstance(event, Gap):
            found.append((event.reason, event.start, event.end))
        elif isinstance(event, GapRepaired):
            found.append(("repaired", event.start, event.end))
    return found


@given(st.floats(0, 1000), st.sampled_from([8000, 16_000]), st.integers(0, 10**6), st.data())
def test_what_is_written_is_left_out_and_the_rest_keeps_its_place(
    offset: float, rate: int, written: int, data: st.DataObject
) -> None:
    sample = data.draw(st.integers(0, 2 * written + 10))
    skip, begins = Former(offset, rate, written).goes_on(sample)
    assert sample + skip == max(written, sample)
    assert begins == pytest.approx(offset + max(written, sample) / rate)


def test_who_comes_back_without_anything_kept_has_two_gaps() -> None:
    cut_off, bus = taken_up(LEG)
    assert told(bus) == [("server_died", 12.0, 60.0)]
    cut_off.back("agent", 70.0, goes_on=False)
    assert told(bus)[1:] == [("server_restarted", 60.0, 70.0)]
    cut_off.back("agent", 90.0, goes_on=False)
    assert len(told(bus)) == 2, "missed once"


def test_who_has_kept_it_has_none() -> None:
    cut_off, bus = taken_up(LEG)
    assert cut_off.former("agent") == Former(5.0, 8000, 7 * 8000)
    cut_off.back("agent", 12.4, goes_on=True)
    assert told(bus)[1:] == [("repaired", 12.0, 60.0)], "what lies before was settled: silence"
    assert cut_off.former("agent") is None


def test_a_later_leg_that_only_happens_to_begin_then_repairs_nothing() -> None:
    cut_off, bus = taken_up(LEG)
    cut_off.back("agent", 12.4, goes_on=False)
    assert told(bus) == [("server_died", 12.0, 60.0)]


def test_over_two_deaths_what_was_kept_counts_from_the_first() -> None:
    died = SessionInterrupted(session_id="call", seq=5, at=1030.0)
    ended = LegEnded(session_id="call", seq=6, at=1030.0, speaker="agent", seconds=25.0)
    cut_off, bus = taken_up(LEG, died, ended)
    assert told(bus) == [], "that was told when it happened"
    assert cut_off.former("agent") == Former(5.0, 8000, 7 * 8000)
    cut_off.back("agent", 40.0, goes_on=False)
    assert told(bus) == [("server_restarted", 12.0, 40.0)]


def test_nothing_said_yet() -> None:
    cut_off, _ = taken_up(LEG, said=())
    assert cut_off.former("agent") == Former(5.0, 8000, 0)
    assert cut_off.former("technician") is None
