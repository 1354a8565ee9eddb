"""Notices about engines: their words, codes and causes."""

from __future__ import annotations

from callscribe.engines.base import Deaf, Late, Listening, Lost, TakenOver
from callscribe.errors import EngineError, UpstreamError
from callscribe.notices import heard_otherwise, who_listens, words_lost

AWAY = UpstreamError("Deepgram is away", code="deepgram_unavailable", request_id="r-1")


def test_another_engine_listens_and_why() -> None:
    assert who_listens(TakenOver("whisper", AWAY, "Nothing is redacted."), "agent") == {
        "code": "engine_taken_over",
        "message": "Whisper listens to agent now: Deepgram is away. Nothing is redacted.",
        "cause": "deepgram_unavailable",
        "request_id": "r-1",
        "engine": "whisper",
    }


def test_the_first_engine_is_back() -> None:
    found = who_listens(Listening("deepgram"), "agent")
    assert found["code"] == "engine_back"
    assert found["message"] == "Deepgram listens to agent again."


def test_engines_have_names_for_people() -> None:
    found = who_listens(TakenOver("deepgram_rest", AWAY), "agent")
    assert found["message"].startswith("Deepgram, by requests, listens to agent now: ")
    assert found["engine"] == "deepgram_rest"
    assert who_listens(Listening("mine"), "agent")["message"] == "mine listens to agent again."


def test_an_engine_that_is_back_at_once_and_late() -> None:
    found = who_listens(Late("deepgram", 4.4, AWAY), "agent")
    assert (found["code"], found["engine"]) == ("engine_late", "deepgram")
    assert found["cause"] == "deepgram_unavailable"
    assert found["message"] == (
        "Deepgram was lost and listens to agent again: Deepgram is away. "
        "The text is 4 s late, and catches up."
    )


def test_nobody_listens() -> None:
    found = who_listens(Lost(EngineError("it broke", code="x")), "agent")
    assert (found["code"], found["cause"], found["request_id"]) == ("engine_lost", "x", "")
    assert found["message"] == "Nobody listens to agent any more: it broke."


def test_nobody_listens_just_now() -> None:
    found = who_listens(Deaf(AWAY, kept=True), "agent")
    assert (found["code"], found["cause"], found["engine"]) == (
        "engine_away",
        "deepgram_unavailable",
        "",
    )
    assert found["message"] == (
        "Nobody listens to agent just now: Deepgram is away. What is said is kept for when an "
        "engine answers."
    )


def test_what_is_not_written_down_is_said_with_its_place() -> None:
    found = words_lost("agent", 3.04, 5.0, "the network")
    said = "What agent may have said from 3.0 to 5.0 s is not written down: the network."
    assert found["message"] == said
    assert found["code"] == "words_lost"


def test_a_gap_that_a_stand_in_heard() -> None:
    found = heard_otherwise("agent", 3.04, 5.0, "Nothing is redacted.")
    assert found["code"] == "repaired_by_stand_in"
    assert found["message"] == (
        "What agent said from 3.0 to 5.0 s was heard later, by a stand-in. Nothing is redacted."
    )
