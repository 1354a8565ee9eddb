"""Lags and errors of a live transcript, on made-up events."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.demo.measure import LegReport, LiveMeasure, percentile
from callscribe.wer import word_errors


def words(*spoken: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"text": text, "start": end - 0.3, "end": end} for text, end in spoken]


def result(kind: str, *spoken: tuple[str, float], utterance: str = "agent-1") -> dict[str, Any]:
    return {
        "type": kind,
        "speaker": "agent",
        "utterance_id": utterance,
        "text": " ".join(text for text, _ in spoken),
        "words": words(*spoken),
    }


def measure_of(offset: float = 0.0, speed: float = 1.0) -> LiveMeasure:
    measure = LiveMeasure(speed)
    measure.begin("agent", 100.0)
    measure.apply({"type": "leg_started", "speaker": "agent", "offset": offset}, 100.0)
    return measure


def test_a_word_counts_from_its_end_to_its_first_appearance() -> None:
    measure = measure_of()
    assert measure.apply(result("interim", ("bonjour", 1.0)), 101.4) == pytest.approx(0.4)
    measure.apply(result("interim", ("bonjour", 1.1), ("atout", 1.6)), 102.0)
    lag = measure.apply(result("final", ("Bonjour,", 1.0), ("à", 1.3), ("tous.", 1.7)), 103.0)
    assert lag == pytest.approx(1.3)
    report = measure.report("agent", "Bonjour à tous.")
    assert report.interim_lags == pytest.approx((0.4, 1.7, 1.3))
    assert report.final_lags == pytest.approx((1.3,))
    assert report.errors.errors == 0


def test_the_same_word_elsewhere_is_another_word() -> None:
    measure = measure_of()
    measure.apply(result("interim", ("oui", 1.0)), 101.2)
    measure.apply(result("final", ("oui", 1.0), ("et", 3.0), ("oui", 5.0)), 105.5)
    assert measure.report("agent", "oui et oui").interim_lags == pytest.approx((0.2, 2.5, 0.5))


def test_the_call_clock_and_the_speed_are_counted_in() -> None:
    measure = measure_of(offset=2.0, speed=2.0)
    lag = measure.apply(result("final", ("oui", 6.0)), 103.0)
    assert lag == pytest.approx(1.0)  # the word ended 4 s into the leg, which took 2 s


def test_a_leg_that_begins_anew_goes_on_where_the_call_is() -> None:
    measure = measure_of(offset=1.0, speed=2.0)
    measure.begin("agent", 100.0)
    measure.apply({"type": "leg_started", "speaker": "agent", "offset": 11.0}, 113.0)
    lag = measure.apply(result("final", ("oui", 15.0)), 113.5)
    assert lag == pytest.approx(1.5)  # the leg began 10 s later, and the word ended 2 s into it


def test_a_later_final_of_an_utterance_replaces_the_earlier_one() -> None:
    measure = measure_of()
    measure.apply(result("final", ("oui", 1.0)), 102.0)
    measure.apply(result("final", ("oui", 1.0), ("merci", 2.0)), 103.5)
    measure.apply(result("final", utterance="agent-2"), 104.0)
    report = measure.report("agent", "oui merci")
    assert report.final_lags == pytest.approx((1.5,))
    assert report.interim_lags == pytest.approx((1.0, 1.5))
    assert report.errors.rate == 0


def test_other_events_are_not_speech() -> None:
    assert measure_of().apply({"type": "notice", "message": "x"}, 1.0) is None
    assert measure_of().apply(result("interim"), 1.0) is None


@pytest.mark.parametrize(
    ("heard", "trouble"),
    [
        ("un deux trois quatre", ""),
        ("un deux cinq six", ""),
        ("un", "only 1 of the 4 words of agent are in the transcript"),
        ("", "only 0 of the 4 words of agent are in the transcript"),
        ("un deux trois quatre cinq six sept", "75% of the words of agent are wrong"),
    ],
)
def test_whether_a_leg_came_through(heard: str, trouble: str) -> None:
    errors = word_errors("un deux trois quatre", heard)
    assert LegReport("agent", (), (), errors).trouble == trouble


@given(st.lists(st.floats(-10, 10), min_size=1), st.floats(0, 1))
def test_percentiles_are_values_with_that_share_below(values: list[float], share: float) -> None:
    found = percentile(values, share)
    below = sum(value < found for value in values)
    assert below <= share * len(values) or found == max(values)


def test_percentiles_of_a_hundred_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 51, 96, 100]


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


@pytest.mark.parametrize(
    "late", [{"revision": 1}, {"heard_again": "whisper"}, {"repairs": 7}], ids=str
)
def test_what_is_corrected_later_counts_for_the_words_not_for_the_lag(late: dict[str, Any]) -> None:
    measure = measure_of()
    measure.apply(result("final", ("bonjour", 1.0), ("Adam", 1.5)), 102.0)
    again = {**result("final", ("bonjour", 1.0), ("madame", 1.5)), **late}
    assert measure.apply(again, 120.0) is None
    report = measure.report("agent", "bonjour madame")
    assert report.errors.errors == 0
    assert report.final_lags == pytest.approx((0.5,))
    assert max(report.interim_lags) < 2
