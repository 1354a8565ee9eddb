"""How much of a call's audio was heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.coverage import Coverage

TENTHS = st.integers(0, 300)


def test_nothing_is_missing_where_nothing_has_come() -> None:
    assert Coverage().percent == 100.0


def test_the_share_of_all_legs() -> None:
    coverage = Coverage()
    coverage.begin(0, 0.0)
    coverage.begin(1, 5.0)
    coverage.end(0, 60.0)
    coverage.reach(1, 45.0)
    assert coverage.percent == 100.0
    coverage.miss(7, 0, 10.0, 20.0)
    assert coverage.percent == 90.0
    coverage.miss(8, 0, 15.0, 25.0)
    assert coverage.percent == 85.0, "what two gaps share is missing once"
    coverage.miss(9, 1, 45.0, 145.0)
    assert coverage.percent == 42.5, "what did not even come would have been audio too"
    assert coverage.find(9) == (45.0, 145.0)
    assert coverage.find(9) is None
    assert coverage.percent == 85.0


def test_it_is_never_rounded_up() -> None:
    coverage = Coverage()
    coverage.begin(0, 0.0)
    coverage.end(0, 10_000.0)
    coverage.miss(1, 0, 1.0, 1.1)
    assert coverage.percent == 99.9


@given(st.lists(st.tuples(st.integers(0, 1), TENTHS, TENTHS)))
def test_it_counts_like_one_who_counts_tenths(gaps: list[tuple[int, int, int]]) -> None:
    coverage = Coverage()
    audio = {(line, tenth) for line in (0, 1) for tenth in range(100)}
    for line in (0, 1):
        coverage.begin(line, 0.0)
        coverage.end(line, 10.0)
    lost = set()
    for seq, (line, one, other) in enumerate(gaps):
        start, end = min(one, other), max(one, other)
        coverage.miss(seq, line, start / 10, end / 10)
        lost |= {(line, tenth) for tenth in range(start, end)}
    expected = 100 * (1 - len(lost) / len(audio | lost))
    assert -0.1001 < coverage.percent - expected < 1e-6
