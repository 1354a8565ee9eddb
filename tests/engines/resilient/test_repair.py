"""Which gap is heard again, by which engine, and when; in virtual time."""

from __future__ import annotations

import pytest

from callscribe.engines.resilient.repair import MARGIN, PART, Repairs
from callscribe.engines.resilient.rules import Patience, Rung
from callscribe.errors import UpstreamError
from callscribe.transcript import Result, Word
from tests.engines_for_tests import EnergyEngine

RATE = 1000
AWAY = UpstreamError("it is away", code="deepgram_unreachable", retryable=True)
REFUSED = UpstreamError("no such key", code="deepgram_unauthorized", retryable=False)


@pytest.fixture
def repairs() -> Repairs:
    """Two engines, and the longest pauses there can be."""
    rungs = [Rung(EnergyEngine(), "deepgram_rest", provider="deepgram", streaming=False)]
    return Repairs([*rungs, Rung(EnergyEngine(), "whisper")], RATE, Patience(), lambda: 1.0)


def said(start: float, end: float, *, every: float = 1.0) -> Result:
    """A word in the middle of every second."""
    count = round((end - start) / every)
    words = tuple(
        Word(f"{start + n * every:g}", start + n * every + 0.2, start + n * every + 0.8, 0.9)
        for n in range(count)
    )
    text = " ".join(word.text for word in words)
    return Result(text, start, end, True, True, words)


def test_without_a_gap_there_is_nothing_to_do(repairs: Repairs) -> None:
    assert repairs.is_idle
    assert (repairs.first, repairs.due(0.0), repairs.deadline()) == (None, None, None)


def test_the_more_exact_engine_hears_it_first(repairs: Repairs) -> None:
    repairs.add(2.0, 5.0)
    assert repairs.deadline() == 0.0
    repair = repairs.due(10.0)
    assert repair is not None
    assert (repair.by, repair.hole.start, repair.hole.end) == (0, 2000, 5000)
    assert repairs.span(repair, 60_000) == (2000, 5000 + MARGIN * RATE)
    assert repairs.span(repair, 5200) == (2000, 5200)
    assert repairs.due(10.0) is None, "one at a time"
    assert repairs.deadline() is None
    found = repairs.heard(repair, [said(1.0, 7.0)])
    assert found is not None
    assert [result.text for result in found] == ["2 3 4"], "words beyond are others'"
    assert repairs.is_idle
    assert repairs.first is None


def test_the_next_engine_while_the_first_is_away(repairs: Repairs) -> None:
    repairs.add(2.0, 5.0)
    first = repairs.due(10.0)
    assert first is not None
    repairs.failed(first, AWAY, 10.0)
    second = repairs.due(10.0)
    assert second is not None
    assert second.by == 1
    repairs.failed(second, AWAY, 10.0)
    assert repairs.due(10.0) is None
    at = repairs.deadline()
    assert at == 10.0 + Patience().first_delay
    again = repairs.due(at)
    assert again is not None
    assert again.by == 0


def test_pauses_grow_and_end_nothing(repairs: Repairs) -> None:
    repairs.add(0.0, 1.0)
    now, tries = 0.0, 0
    while now < 300.0:
        repair = repairs.due(now)
        if repair is not None:
            tries += 1
            repairs.failed(repair, AWAY, now)
            continue
        at = repairs.deadline()
        assert at is not None
        assert now < at <= now + Patience().rest
        now = at
    assert 10 < tries < 100


def test_nobody_who_refuses_is_asked_again(repairs: Repairs) -> None:
    repairs.add(0.0, 1.0)
    for by in (0, 1):
        repair = repairs.due(5.0)
        assert repair is not None
        assert repair.by == by
        repairs.failed(repair, REFUSED, 5.0)
    assert repairs.is_idle
    assert (repairs.due(1e9), repairs.deadline()) == (None, None)
    assert repairs.first == 0, "a key may be valid again"
    repairs.forgive("another", 5.0)
    assert not repairs.is_idle
    assert repairs.due(5.0) is not None


def test_who_was_away_is_asked_at_once_when_somebody_listens_again(repairs: Repairs) -> None:
    repairs.add(0.0, 1.0)
    now = 5.0
    for _ in range(200):
        while (repair := repairs.due(now)) is not None:
            repairs.failed(repair, AWAY, now)
        now = repairs.deadline() or now
    while (repair := repairs.due(now)) is not None:
        repairs.failed(repair, AWAY, now)
    repairs.forgive("another", now)
    later = repairs.deadline()
    assert later is not None
    repairs.forgive(repairs.rungs[0].provider, now)
    at = repairs.deadline()
    assert at is not None
    assert at <= min(later, now + Patience().first_delay)


def test_who_cannot_make_it_out_is_not_asked_for_it_again(repairs: Repairs) -> None:
    repairs.add(0.0, 1.0)
    repairs.add(2.0, 3.0)
    repair = repairs.due(5.0)
    assert repair is not None
    repairs.baffled(repair)
    second = repairs.due(5.0)
    assert second is not None
    assert (second.by, second.hole.start) == (1, 0)
    repairs.baffled(second)
    other = repairs.due(5.0)
    assert other is not None
    assert (other.by, other.hole.start) == (0, 2000), "the other gap is another matter"


def test_a_long_gap_is_repaired_in_parts_each_by_itself() -> None:
    def quiet(near: int, low: int, high: int) -> int:
        assert low <= near <= high
        return near if near == high else low + 300

    repairs = Repairs([Rung(EnergyEngine(), "whisper")], RATE, Patience(), lambda: 1.0, quiet)
    repairs.add(10.0, 80.0)
    assert repairs.first == 9000
    places, parts, words = [], [], []
    while not repairs.is_idle:
        repair = repairs.due(5.0)
        assert repair is not None
        places.append((repair.hole.start, repair.hole.end))
        first, end = repairs.span(repair, 90_000)
        parts.append((first / RATE, end / RATE))
        found = repairs.heard(repair, [said(first / RATE, end / RATE)])
        assert found
        words += [word.text for result in found for word in result.words]
    assert places == [(10_000, 36_300), (36_300, 62_600), (62_600, 80_000)], "cut where it is quiet"
    assert parts == [(10.0, 36.3 + MARGIN), (36.3, 62.6 + MARGIN), (62.6, 80.0 + MARGIN)]
    assert max(end - start for start, end in places) <= PART * RATE


def test_a_word_that_a_gap_cuts_is_heard_from_its_beginning() -> None:
    asked = []

    def quiet(near: int, low: int, high: int) -> int:
        asked.append((near, low, high))
        return near - 400

    repairs = Repairs([Rung(EnergyEngine(), "whisper")], RATE, Patience(), lambda: 1.0, quiet)
    repairs.add(2.0, 5.0)
    repair = repairs.due(5.0)
    assert repair is not None
    assert repairs.span(repair, 5500) == (1600, 5500)
    assert asked == [(2000, 2000 - MARGIN * RATE, 2000)]


def test_what_nobody_makes_out_of_a_long_gap_keeps_the_rest_from_nothing(repairs: Repairs) -> None:
    repairs.add(0.0, PART + 10)
    for _ in repairs.rungs:
        repair = repairs.due(5.0)
        assert repair is not None
        repairs.baffled(repair)
    rest = repairs.due(5.0)
    assert rest is not None
    assert rest.hole.start > 0
    assert repairs.heard(rest, [said(0.0, 90.0)])
    assert repairs.is_idle


def test_audio_that_is_gone_cannot_be_heard(repairs: Repairs) -> None:
    repairs.add(0.0, 1.0)
    repairs.add(2.0, 3.0)
    repairs.forget(500)
    repair = repairs.due(5.0)
    assert repair is not None
    assert repair.hole.start == 2000


def test_without_an_engine_a_gap_stays_one() -> None:
    repairs = Repairs([], RATE, Patience(), lambda: 1.0)
    repairs.add(0.0, 1.0)
    assert repairs.is_idle
    assert repairs.first is None
