"""One sweep over stretches of speech, on its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.floor import JOINT, UNHEARD, Sweep, Totals

A, B = 0, 1
Stretch = tuple[float, float, int]


def swept(*stretches: Stretch) -> Totals:
    sweep = Sweep()
    for stretch in sorted(stretches):
        sweep.feed(*stretch)
    return sweep.finish(2)


def test_pauses_up_to_the_joint_are_speech() -> None:
    assert swept((0, 1, A), (1 + JOINT, 3, A)).talk == [3.0, 0.0]
    assert swept((0, 1, A), (1.1 + JOINT, 3, A)).talk == [pytest.approx(2.9 - JOINT), 0.0]


def test_a_joined_pause_is_talk_over_too() -> None:
    assert swept((0, 1, A), (1.4, 3, A), (1.1, 1.3, B)).talk_over == pytest.approx(0.2)


def test_silence_is_dead_air_only_inside_the_call_and_when_it_is_long() -> None:
    totals = swept((10, 11, A), (13, 14, B), (16.5, 17, A), (20, 21, A))
    assert totals.dead_air == pytest.approx(2.5 + 3)
    assert totals.longest_dead_air == pytest.approx(3)


def test_what_nobody_heard_is_no_dead_air() -> None:
    totals = swept((0, 1, A), (1.5, 4, UNHEARD), (4.2, 5, UNHEARD), (7.1, 8, B), (8, 10, UNHEARD))
    assert totals.dead_air == pytest.approx(2.1)
    assert totals.unheard == pytest.approx(5.3)
    assert totals.talk == [1.0, pytest.approx(0.9)]


def test_a_short_word_of_the_other_does_not_end_a_monologue() -> None:
    totals = swept((0, 5, A), (5.2, 6, B), (6.5, 10, A), (11, 15, B))
    assert totals.monologue == [10.0, 4.0]


def test_silence_and_another_who_talks_end_a_monologue() -> None:
    assert swept((0, 3, A), (5.1, 9, A)).monologue == [pytest.approx(3.9), 0.0]
    assert swept((0, 3, A), (3.5, 5, B), (5.5, 7, A)).monologue == [3.0, 1.5]
    assert swept((0, 6, A), (2, 4, B)).monologue == [2.0, 0.0]


def test_an_interruption_is_longer_than_a_short_word_and_comes_well_before_the_end() -> None:
    assert swept((0, 5, A), (3, 6, B)).interruptions == [0, 1]
    assert swept((0, 5, A), (3, 3.8, B)).interruptions == [0, 0]
    assert swept((0, 5, A), (4.7, 8, B)).interruptions == [0, 0]
    assert swept((0, 5, A), (0.2, 6, B)).interruptions == [0, 0]


tenths = st.integers(0, 300).map(lambda tenth: tenth / 10)


@given(
    st.lists(st.tuples(tenths, st.integers(1, 50).map(lambda n: n / 10), st.sampled_from([A, B]))),
    st.lists(tenths, max_size=5),
)
def test_it_makes_no_difference_how_speech_is_cut(
    given_stretches: list[tuple[float, float, int]], cuts: list[float]
) -> None:
    whole = [(start, start + length, line) for start, length, line in given_stretches]
    pieces = []
    for start, end, line in whole:
        edges = [start, *sorted({cut for cut in cuts if start < cut < end}), end]
        pieces += [(edges[n], edges[n + 1], line) for n in range(len(edges) - 1)]
    one, other = swept(*whole), swept(*pieces)
    assert one.talk == pytest.approx(other.talk)
    assert one.monologue == pytest.approx(other.monologue)
    assert one.interruptions == other.interruptions
    assert one.talk_over == pytest.approx(other.talk_over)
    assert one.dead_air == pytest.approx(other.dead_air)
