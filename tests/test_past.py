"""What is known of a call whose server died."""

from __future__ import annotations

from callscribe.events import Event, LegEnded, LegStarted, RolesSwapped, SessionInterrupted
from callscribe.past import STEP, Past
from callscribe.store.base import StoredCall
from callscribe.transcript import Gap, Transcript, Utterance


def started(seq: int, speaker: str, offset: float) -> LegStarted:
    return LegStarted(
        session_id="call",
        seq=seq,
        at=1000.0 + offset,
        speaker=speaker,
        sample_rate=8000,
        language="fr",
        engine="whisper",
        offset=offset,
        zero_at=1000.0,
        recording=f"rec-{seq}",
    )


def past(
    *events: Event,
    said: tuple[Utterance, ...] = (),
    gaps: tuple[Gap, ...] = (),
    last_at: float = 1060.0,
) -> Past:
    call = StoredCall(
        session_id="call", state="running", started_at=990.0, last_at=last_at, last_seq=7
    )
    return Past(call, Transcript("call", list(said), list(gaps)), events)


def test_who_was_on_the_line() -> None:
    ended = LegEnded(session_id="call", seq=3, at=1020.0, speaker="agent", seconds=19.0)
    again = started(4, "agent", 30.0)
    assert set(past(started(1, "agent", 0.0), started(2, "technician", 5.0)).open_legs) == {
        "agent",
        "technician",
    }
    assert not past(started(1, "agent", 0.0), ended).open_legs
    assert past(started(1, "agent", 0.0), ended, again).open_legs == {"agent": again}


def test_where_the_clock_stood() -> None:
    call = past(started(1, "agent", 5.0))
    assert (call.zero_at, call.broke_off) == (1000.0, 60.0)
    assert (past().zero_at, past().broke_off) == (None, 0.0)
    assert call.next_seq == 7 + STEP


def test_until_when_a_speaker_was_heard() -> None:
    said = Utterance("agent-1", "agent", "oui", 10.0, 11.5, (), 0.9)
    gap = Gap("agent", 12.0, 14.0, "x")
    leg = started(1, "agent", 5.0)
    assert past(leg).heard_until("agent") == 5.0
    assert past(leg, said=(said,)).heard_until("agent") == 11.5
    assert past(leg, said=(said,), gaps=(gap,)).heard_until("agent") == 14.0
    assert past(leg, said=(said,), gaps=(gap,)).written_until("agent") == 11.5
    assert past(leg).written_until("agent") == 0.0
    assert past(leg, said=(said,)).heard_until("technician") == 0.0


def test_who_has_not_come_back_after_an_earlier_death() -> None:
    first = started(1, "agent", 0.0), started(2, "technician", 0.0)
    died = SessionInterrupted(session_id="call", seq=5, at=1010.0)
    cut_off = [
        LegEnded(session_id="call", seq=6 + n, at=1010.0, speaker=speaker, seconds=9.0)
        for n, speaker in enumerate(("agent", "technician"))
    ]
    back = started(9, "agent", 20.0)
    left = LegEnded(session_id="call", seq=10, at=1030.0, speaker="agent", seconds=9.0)
    assert past(*first, cut_off[0]).gone == set(), "who hangs up is not missed"
    assert past(*first, died, *cut_off).gone == {"agent", "technician"}
    assert past(*first, died, *cut_off, back, left).gone == {"technician"}


def test_names_are_those_of_today() -> None:
    first = started(1, "agent", 0.0), started(2, "technician", 5.0)
    swap = RolesSwapped(session_id="call", seq=4, at=1031.0, speakers=("agent", "technician"))
    call = past(*first, swap)
    assert {name: leg.offset for name, leg in call.open_legs.items()} == {
        "technician": 0.0,
        "agent": 5.0,
    }
    assert call.events[0] == first[0], "who follows the events exchanges the names"
    assert [(leg.speaker, leg.recording) for leg in call.legs] == [
        ("technician", "rec-1"),
        ("agent", "rec-2"),
    ]
