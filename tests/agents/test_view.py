"""What events add up to; that it is what the store says is in ``test_calls``."""

from __future__ import annotations

from callscribe.agents.view import View
from callscribe.events import AgentResult, Gap, GapRepaired, RolesSwapped, SessionEnded
from tests.agents.working import final


def test_keys_and_the_end_are_known() -> None:
    view = View("call")
    for seq, agent in enumerate(("a", "b", "a"), 1):
        found = AgentResult(session_id="call", seq=seq, at=0.0, agent=agent, kind="k", key=str(seq))
        view.apply(found.to_dict())
    assert (view.keys, view.seq, view.ended) == ({"a": {"1", "3"}, "b": {"2"}}, 3, False)
    view.apply(SessionEnded(session_id="call", seq=4, at=0.0).to_dict())
    assert (view.seq, view.ended) == (4, True)


def test_what_is_not_known_or_not_said_is_passed_over() -> None:
    view = View("call")
    view.apply({"type": "of tomorrow", "seq": 1})
    view.apply(RolesSwapped(session_id="call", seq=2, at=0.0, speakers=("one",)).to_dict())
    assert (view.seq, view.call().transcript.utterances) == (2, [])
    ended = SessionEnded(session_id="call", seq=3, at=0.0)
    assert view.event(ended.to_dict()) == ended


def test_a_final_is_made_once_for_all_who_are_told_of_it_now() -> None:
    view, data = View("call"), final("un").to_dict()
    view.apply(data)
    first = view.event(data)
    assert view.event(data) is first
    assert view.event(dict(data)) is not first
    view.rest()
    assert view.event(data) is not first
    assert view.event(data) == first


def test_a_beginning_that_is_no_number_does_not_disturb_the_order() -> None:
    view = View("call")
    for seq, start in enumerate((3.0, float("nan"), 1.0), 1):
        view.apply(final(str(start), seq, start=start).to_dict())
    view.apply(final("", 4, utterance_id="technician-2").to_dict())
    assert view.call().transcript.text == "1.0\n3.0"


def test_gaps_are_shown_until_they_are_repaired() -> None:
    view = View("call")
    for seq, start in ((1, 5.0), (2, 1.0)):
        head = {"session_id": "call", "seq": seq, "at": 0.0, "speaker": "agent"}
        view.apply(Gap(**head, start=start, end=start + 1, reason="network").to_dict())
    view.apply(
        RolesSwapped(session_id="call", seq=3, at=0.0, speakers=("agent", "technician")).to_dict()
    )
    gaps = view.call().transcript.gaps
    assert [(gap.seq, gap.speaker) for gap in gaps] == [(2, "technician"), (1, "technician")]
    repaired = GapRepaired(
        session_id="call", seq=4, at=0.0, speaker="technician", of_seq=1, start=5.0, end=6.0
    )
    view.apply(repaired.to_dict())
    assert [gap.seq for gap in view.call().transcript.gaps] == [2]
    assert len(gaps) == 2, "who has a call keeps it as it was"
