"""What nobody heard of speakers whose server died, and what they bring back."""

from __future__ import annotations

import pytest
from msgspec import structs

from callscribe.bus.local import LocalBus
from callscribe.cut_off import CutOff
from callscribe.engines.base import Repaired, Unheard
from callscribe.events import Event, Gap, GapRepaired, LegEnded, RolesSwapped, SessionInterrupted
from callscribe.former import Former, Place
from callscribe.ledger import Ledger
from callscribe.leg import Attachment, Leg
from callscribe.record import Record
from callscribe.transcript import Gap as Missing
from callscribe.transcript import Result, Utterance, Word
from tests.test_leg import Sink
from tests.test_past import past, started

pytestmark = pytest.mark.anyio

LEG = started(1, "agent", 5.0)
WRITTEN = Former(5.0, 8000, 0, 7 * 8000 + 8, 5.0)
"""A ms more than its words."""
SAID = Utterance("agent-1", "agent", "oui", 10.0, 12.0, (), 0.9)


class TakenUp:
    """A call whose server died at 60 s; the agent's leg had begun at 5 s."""

    def __init__(
        self,
        *events: Event,
        said: tuple[Utterance, ...] = (SAID,),
        gaps: tuple[Missing, ...] = (),
    ) -> None:
        self.bus = LocalBus()
        self.record = Record("call", Ledger(self.bus, lambda: 1060.0))
        before = past(*events, said=said, gaps=gaps)
        self.record.take_up(before)
        self.cut_off = CutOff(self.record)
        self.cut_off.take_up(before)

    async def leg(
        self,
        offset: float,
        seconds: float,
        *,
        whole: bool | None,
        since: float = 5.0,
        place: float = 0.0,
    ) -> Leg:
        """A leg at ``offset`` that goes on with one of before, or (None) not; so much has come.

        By the samples it begins at ``place``, if that is elsewhere.
        """
        leg = Leg(
            "agent",
            sample_rate=8000,
            language="fr",
            engine="e",
            since=0,
            on_begin=lambda *_: None,
            place=None if whole is None else Place(0, place or offset, since, whole),
        )
        leg.offset = offset
        self.cut_off.began(leg, offset)
        if seconds:
            await Attachment(leg, Sink()).send(bytes(round(2 * 8000 * seconds)))
        return leg

    def hear(self, leg: Leg, text: str, start: float, end: float) -> None:
        word = Word(text, start, end, 0.9)
        self.record.hear(leg, Result(text, start, end, True, True, (word,), until=end))

    def over(self, leg: Leg) -> None:
        leg.heard_out()
        self.record.make_up(leg, over=True)

    @property
    def told(self) -> list[tuple[str, float, float]]:
        found: list[tuple[str, float, float]] = []
        for event in self.bus.history("call"):
            if isinstance(event, Gap):
                found.append((event.reason, event.start, event.end))
            elif isinstance(event, GapRepaired):
                found.append((",".join(("repaired", *event.utterance_ids)), event.start, event.end))
        return found


async def test_who_comes_back_without_anything_kept_has_two_gaps() -> None:
    call = TakenUp(LEG)
    assert call.told == [("server_died", 12.0, 60.0)]
    await call.leg(70.0, 0, whole=None)
    assert call.told[1:] == [("server_restarted", 60.0, 70.0)]
    await call.leg(90.0, 0, whole=None)
    assert len(call.told) == 2, "missed once"


async def test_who_has_kept_it_has_none_when_it_is_written_down() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.4, 60.0, whole=True)
    call.hear(leg, "non", 20.0, 21.0)
    assert len(call.told) == 1, "27 s are still missing"
    call.hear(leg, "si", 47.0, 48.0)
    assert call.told[1:] == [("repaired,agent-1,agent-2", 12.0, 60.0)]
    call.hear(leg, "bien", 49.0, 50.0)
    assert len(call.told) == 2
    assert call.record.talk.coverage_percent == 100.0


async def test_who_is_gone_again_has_brought_a_part() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.4, 10.0, whole=True)
    call.hear(leg, "non", 1.0, 2.0)
    call.over(leg)
    assert call.told[1:] == [("repaired,agent-1", 12.0, 22.4), ("server_died", 22.4, 60.0)]


async def test_who_has_sent_nothing_has_brought_nothing() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.4, 0, whole=True)
    call.over(leg)
    assert call.told[1:] == [("repaired", 12.0, 12.4), ("server_died", 12.4, 60.0)], "silence"
    await call.leg(70.0, 0, whole=None)
    assert call.told[3:] == [("server_restarted", 60.0, 70.0)], "nor was that heard"


async def test_what_had_to_be_forgotten_meanwhile_stays_a_gap() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(30.0, 40.0, whole=False)
    call.hear(leg, "si", 30.0, 31.0)
    assert call.told[1:] == [("repaired", 30.0, 60.0), ("server_died", 12.0, 30.0)]
    call.over(leg)
    again = await call.leg(61.0, 10.0, whole=True, since=30.0)
    call.over(again)
    assert call.told[3:] == [], "what the leg before did not bring nobody has"


async def test_whoever_was_silent_to_the_end_has_missed_nothing() -> None:
    """Silence is no event: where the server died is not known so exactly."""
    call = TakenUp(LEG)
    await call.leg(64.0, 0, whole=True)
    assert call.told[1:] == [("repaired", 12.0, 60.0)]
    await call.leg(90.0, 0, whole=None)
    assert len(call.told) == 2


async def test_whoever_had_to_forget_and_comes_late_has_missed_what_is_between() -> None:
    call = TakenUp(LEG)
    await call.leg(64.0, 0, whole=False)
    assert call.told == [("server_died", 12.0, 60.0), ("server_restarted", 60.0, 64.0)]


async def test_a_later_leg_that_only_happens_to_begin_then_repairs_nothing() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.4, 60.0, whole=None)
    call.hear(leg, "si", 58.0, 59.0)
    assert call.told == [("server_died", 12.0, 60.0)]


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        (12.0, [("repaired", 20.0, 25.0), ("repaired", 25.0, 60.0)]),  # all of it comes once more
        (25.0, [("repaired", 25.0, 60.0)]),  # none of it
        (22.0, [("repaired", 25.0, 60.0)]),
    ],
)
async def test_what_an_engine_could_not_hear_is_made_up_for_where_all_of_it_comes(
    offset: float, told: list[tuple[str, float, float]]
) -> None:
    call = TakenUp(LEG, gaps=(Missing("agent", 20.0, 25.0, "away", 3),))
    assert call.told == [("server_died", 25.0, 60.0)]
    leg = await call.leg(offset, 60.0, whole=True)
    call.hear(leg, "si", 49.0, 50.0)
    assert call.told[1:] == told


async def test_a_client_that_slept_brings_what_it_recorded_and_no_more() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(150.0, 10.0, whole=True, place=12.0)
    assert call.told == [("server_died", 12.0, 60.0)], "nothing has come yet"
    call.over(leg)
    assert call.told[1:] == [("repaired", 12.0, 22.0), ("server_died", 22.0, 60.0)]


async def test_an_engine_that_did_not_finish_has_not_made_up_for_anything() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.0, 40.0, whole=True)
    leg.stopped = True
    call.record.make_up(leg, over=True)
    assert call.told == [("server_died", 12.0, 60.0)]


def test_what_another_recording_of_the_speaker_has_written_down_is_not_this_ones() -> None:
    other = started(2, "agent", 40.0)
    later = Utterance("agent-2", "agent", "si", 50.0, 55.0, (), 0.9)
    call = TakenUp(LEG, other, said=(SAID, later))
    assert call.cut_off.former("rec-1") == WRITTEN
    assert call.cut_off.former("rec-2") == Former(40.0, 8000, 0, 15 * 8000 + 8, 40.0)


async def test_an_engine_may_repair_its_gap_within_the_servers() -> None:
    call = TakenUp(LEG)
    leg = await call.leg(12.0, 60.0, whole=True)
    call.record.hear(leg, Unheard(3.0, 6.0, "away"))
    call.record.hear(leg, Repaired(3.0, 6.0, ()))
    call.hear(leg, "si", 49.0, 50.0)
    assert call.record.transcript.gaps == []
    assert call.record.faults == 0


def test_recordings_are_known_by_their_ids_until_names_are_exchanged() -> None:
    assert TakenUp(LEG).cut_off.former("rec-1") == WRITTEN
    assert TakenUp(LEG).cut_off.former("another") is None
    nameless = structs.replace(LEG, recording="")
    assert TakenUp(nameless).cut_off.former("") is None, "of a client that keeps nothing"
    swap = RolesSwapped(session_id="call", seq=4, at=1031.0, speakers=("agent", "technician"))
    assert TakenUp(LEG, swap).cut_off.former("rec-1") is None


@pytest.mark.parametrize(("whole", "since"), [(True, 5.0), (False, 9.0)])
def test_the_latest_leg_of_a_recording_counts(whole: bool, since: float) -> None:
    later = structs.replace(started(2, "agent", 9.0), recording="rec-1", first=32_000, whole=whole)
    found = TakenUp(LEG, later).cut_off.former("rec-1")
    assert found == Former(9.0, 8000, 32_000, 32_000 + 3 * 8000 + 8, since)


async def test_behind_the_end_of_a_recording_there_is_nothing() -> None:
    """The other one spoke on, so it is not known when the server has heard this one last."""
    call = TakenUp(LEG)
    leg = await call.leg(12.4, 10.0, whole=True)
    leg.stopped = True
    call.over(leg)
    assert call.told[1:] == [("repaired", 12.0, 60.0)]


async def test_nor_behind_two_deaths_but_another_ones_gap_stays() -> None:
    died = Missing("agent", 12.0, 30.0, "server_died", 3)
    call = TakenUp(LEG, gaps=(died,))
    call.record.publish(Gap, speaker="agent", start=70.0, end=80.0, reason="server_died")
    leg = await call.leg(12.0, 10.0, whole=True)
    leg.stopped = True
    call.over(leg)
    assert [(g.start, g.end) for g in call.record.transcript.gaps] == [(70.0, 80.0)]


async def test_over_two_deaths_what_was_kept_counts_from_the_first() -> None:
    died = SessionInterrupted(session_id="call", seq=5, at=1030.0)
    ended = LegEnded(session_id="call", seq=6, at=1030.0, speaker="agent", seconds=25.0)
    call = TakenUp(LEG, died, ended)
    assert call.told == [], "that was told when it happened"
    assert call.cut_off.former("rec-1") == WRITTEN
    await call.leg(40.0, 0, whole=None)
    assert call.told == [("server_restarted", 12.0, 40.0)]


def test_nothing_said_yet() -> None:
    assert TakenUp(LEG, said=()).cut_off.former("rec-1") == Former(5.0, 8000, 0, 0, 5.0)
