"""Revisions and leaks of finals before they are told."""

from __future__ import annotations

from msgspec import structs
from msgspec.structs import replace

from callscribe.events import FinalResult
from callscribe.finals import Finals
from tests.happenings import final

WORDS = "le numéro de la chaudière est le douze"


def told(finals: Finals, said: FinalResult) -> list[tuple[str, int, str]]:
    return [(f.utterance_id, f.revision, f.leak_of) for f in finals.add(said, None)]


def spoken(speaker: str, delay: float, confidence: float) -> FinalResult:
    """The same sentence on a leg."""
    said = final(1, WORDS, f"{speaker}-1", speaker=speaker, confidence=confidence)
    words = tuple(
        structs.replace(w, start=delay + n * 0.4, end=delay + n * 0.4 + 0.3, confidence=confidence)
        for n, w in enumerate(said.words)
    )
    return replace(said, words=words, start=words[0].start, end=words[-1].end)


def test_what_was_closed_is_revised_and_what_grows_is_not() -> None:
    finals = Finals()
    open_ = final(1, "un", "agent-1", speech_final=False)
    assert told(finals, open_) == [("agent-1", 0, "")]
    assert told(finals, replace(open_, text="un deux", speech_final=True)) == [("agent-1", 0, "")]
    assert told(finals, replace(open_, text="un trois", speech_final=True)) == [("agent-1", 1, "")]
    assert told(finals, final(2, "quatre", "agent-2")) == [("agent-2", 0, "")]


def test_numbers_go_on_behind_those_of_an_earlier_process() -> None:
    finals = Finals()
    finals.known(final(1, "un", "agent-1", revision=3))
    finals.known(final(2, "deux", "agent-2", speech_final=False))
    assert told(finals, final(1, "une", "agent-1")) == [("agent-1", 4, "")]
    assert told(finals, final(2, "deux", "agent-2")) == [("agent-2", 0, "")]


def test_a_leak_that_came_first_is_told_again_without_a_latency() -> None:
    finals = Finals()
    leak = replace(spoken("technician", 0.2, 0.6), latency_ms=80.0)
    assert told(finals, leak) == [("technician-1", 0, "")]
    assert not finals.is_leaked("technician-1")
    both = list(finals.add(spoken("agent", 0.0, 0.95), None))
    assert [(f.utterance_id, f.revision, f.leak_of) for f in both] == [
        ("agent-1", 0, ""),
        ("technician-1", 1, "agent-1"),
    ]
    assert both[1].latency_ms is None
    assert finals.is_leaked("technician-1")
    assert not finals.is_leaked("agent-1")
