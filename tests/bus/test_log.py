"""A session's events in memory, packed or not: as a list would have them."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callscribe.bus.local import LocalBus
from callscribe.bus.log import LATE, PAGE, Log
from callscribe.events import AgentResult, Event, FinalResult, Notice
from callscribe.transcript import Word


def final(seq: int, text: str = "le code douze", label: str | None = None) -> FinalResult:
    words = tuple(
        Word(word, seq + place / 10, seq + place / 10 + 0.08, 0.9123, label)
        for place, word in enumerate(text.split())
    )
    return FinalResult(
        session_id="call",
        seq=seq,
        at=1e9 + seq / 7,
        speaker="agent",
        utterance_id=f"agent-{seq}",
        text=text,
        start=float(seq),
        end=seq + 0.9,
        words=words,
    )


def filled(seqs: list[int]) -> tuple[Log, list[Event]]:
    log, events = Log(), [final(seq) for seq in seqs]
    for event in events:
        log.append(event)
    return log, list(events)


@given(
    st.lists(st.integers(1, 3), max_size=5 * PAGE).map(
        lambda steps: [sum(steps[: n + 1]) for n in range(len(steps))]
    ),
    st.data(),
)
def test_it_is_a_list_that_forgets_nothing(seqs: list[int], data: st.DataObject) -> None:
    log, events = filled(seqs)
    assert len(log) == len(events)
    assert log.packed == max(len(events) - LATE, 0) // PAGE * PAGE
    assert log.since(0) == events
    seq = data.draw(st.integers(0, (seqs or [0])[-1] + 2), label="seq")
    place = log.above(seq)
    assert log.since(place) == [event for event in events if event.seq > seq]


def test_each_event_is_found_by_its_place() -> None:
    log, events = filled(list(range(1, LATE + 3 * PAGE + 7)))
    assert 0 < log.packed < len(events)
    for place, event in enumerate(events):
        if place < log.packed:
            start, page = log.page(place)
            assert page[place - start] == event
        else:
            assert log.late(place) is event
    assert log.late(len(events)) is None


def test_what_anybody_said_comes_back_as_it_was() -> None:
    odd: list[Event] = [
        final(1, "moitié de \ud83d caractère", "S1"),
        final(2, ""),
        replace(final(3, "nie"), start=float("inf"), end=float("-inf")),
        AgentResult(
            session_id="call",
            seq=4,
            at=0.0,
            agent="a",
            kind="entity",
            key="k",
            body={"found": (1, {"two": None}), "bytes": b"\xff"},
        ),
    ]
    log = Log()
    for event in odd:
        log.append(event)
    for seq in range(5, 5 + LATE + PAGE):
        log.append(Notice(session_id="call", seq=seq, at=0.0, code="n", message="."))
    assert log.packed == PAGE
    assert log.since(0)[: len(odd)] == odd


def test_a_long_call_takes_a_part_of_the_memory() -> None:
    text = " ".join(f"parole{n % 7}" for n in range(20))
    kept = [final(seq, text) for seq in range(1, 2001)]
    tracemalloc.start()
    try:
        log = Log()
        for event in kept:
            log.append(event)
        packed = tracemalloc.get_traced_memory()[0]
        tracemalloc.clear_traces()
        again = [final(seq, text) for seq in range(1, 2001)]
        plain = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert log.since(0) == again
    assert packed < plain / 5


def test_who_comes_late_or_stood_still_reads_it_all() -> None:
    bus = LocalBus()
    still = bus.subscribe("call")
    events: list[Event] = [final(seq) for seq in range(1, 5 * PAGE)]
    for event in events:
        bus.publish(event)
    late = bus.subscribe("call", since=PAGE + 3)
    assert [still._take() for _ in events] == events
    assert still._take() is None
    assert not still._page[1], "it keeps nothing of what it has read"
    bus.publish(final(5 * PAGE))
    assert still._take() == final(5 * PAGE)
    assert [late._take() for _ in events[PAGE + 3 :]] == events[PAGE + 3 :]
