"""What the terminal knows of a call."""

from typing import Any

from callscribe.cli.view import CallView


def event(
    kind: str, utterance: str, text: str, start: float = 0.0, *, speech_final: bool = True
) -> dict[str, Any]:
    words = [{"text": word, "start": start, "end": start + 1} for word in text.split()]
    speaker = utterance.partition("-")[0]
    fields = {"speaker": speaker, "utterance_id": utterance, "text": text, "start": start}
    return {"type": kind, **fields, "words": words, "speech_final": speech_final}


def test_an_utterance_grows_from_interim_to_final() -> None:
    view = CallView(["agent"])
    assert view.apply(event("interim", "agent-1", "bon")) is None
    assert view.apply(event("interim", "agent-1", "bonjour à")) is None
    (line,) = view.lines()
    assert (line.settled, line.tail) == ("", "bonjour à")
    assert view.apply(event("final", "agent-1", "Bonjour à", speech_final=False)) is None
    view.apply(event("interim", "agent-1", "Bonjour à tous"))
    assert (line.settled, line.tail) == ("Bonjour à", "tous")
    done = view.apply(event("final", "agent-1", "Bonjour à tous."))
    assert done is line
    assert (line.text, line.done) == ("Bonjour à tous.", True)


def test_an_interim_that_rewrites_a_final_is_shown_as_it_is() -> None:
    view = CallView([])
    view.apply(event("final", "agent-1", "Bonjour", speech_final=False))
    view.apply(event("interim", "agent-1", "Bon jour"))
    (line,) = view.lines()
    assert line.tail == "Bon jour"


def test_what_turns_out_to_be_nothing_goes_away() -> None:
    view = CallView(["agent"])
    view.apply(event("interim", "agent-1", "hm"))
    assert view.apply(event("final", "agent-1", "")) is None
    assert list(view.lines()) == []


def test_lines_are_in_the_order_of_speech_and_lags_are_the_latest() -> None:
    view = CallView(["technician", "agent"])
    view.apply(event("interim", "agent-1", "oui", 5.0), lag=0.5)
    view.apply(event("interim", "technician-1", "non", 2.0), lag=0.7)
    view.apply(event("final", "agent-1", "Oui.", 5.0), lag=1.5)
    assert [line.speaker for line in view.lines()] == ["technician", "agent"]
    assert view.lags == {"agent": 1.5, "technician": 0.7}


def test_a_speaker_nobody_announced_gets_a_place() -> None:
    view = CallView(["agent"])
    view.apply(event("final", "guest-1", "Allô ?"))
    assert view.speakers == ["agent", "guest"]


def test_notices_are_kept_and_other_events_are_nothing() -> None:
    view = CallView([])
    view.apply({"type": "notice", "message": "whisper listens"})
    assert view.apply({"type": "leg_started", "speaker": "agent"}) is None
    assert view.notices == ["whisper listens"]


def test_a_correction_is_a_line_again_where_it_has_other_words() -> None:
    view = CallView(["agent"])
    view.apply(event("final", "agent-1", "Bonjour Adam"))
    late = {"revision": 1, "heard_again": "whisper"}
    assert view.apply({**event("final", "agent-1", "Bonjour, Adam."), **late}) is None
    line = view.apply({**event("final", "agent-1", "Bonjour madame."), **late})
    assert line is not None
    assert (line.text, line.note) == ("Bonjour madame.", "corrected")


def test_what_was_heard_later_is_told_so() -> None:
    view = CallView(["agent"])
    line = view.apply({**event("final", "agent-1", "Bonjour."), "repairs": 7})
    assert line is not None
    assert line.note == "heard later"


def test_what_nobody_heard_is_said_once() -> None:
    """Of what an engine did not hear there is a notice already."""
    view = CallView(["agent"])
    gap = {"type": "gap", "seq": 3, "speaker": "agent", "start": 8.4, "end": 18.3}
    view.apply({**gap, "reason": "Deepgram is away: [Errno 111]"})
    assert view.notices == []
    view.apply({**gap, "reason": "server_died"})
    (said,) = view.notices
    what = "What agent may have said from 8.4 to 18.3 s is not written down"
    assert said == f"{what}: the server died."


def test_what_is_heard_later_is_said_and_counts_as_heard() -> None:
    view = CallView(["agent"])
    for seq, start in ((3, 8.0), (4, 20.0), (5, 40.0)):
        span = {"start": start, "end": start + 2.5}
        view.apply({"type": "gap", "seq": seq, "speaker": "agent", "reason": "It is away", **span})
    assert view.unheard == {"agent": 7.5}
    repaired = {"type": "gap_repaired", "speaker": "agent", "start": 8.0, "end": 10.5}
    view.apply({**repaired, "of_seq": 3, "utterance_ids": ["agent-4"]})
    view.apply({**repaired, "of_seq": 4, "start": 20.0, "end": 22.5, "utterance_ids": []})
    assert view.notices == [
        "What agent said from 8.0 to 10.5 s is written down now.",
        "agent said nothing from 20.0 to 22.5 s.",
    ]
    assert view.unheard == {"agent": 2.5}
