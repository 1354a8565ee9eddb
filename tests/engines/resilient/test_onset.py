"""What is silent at the beginning is left out, and no word with it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from callscribe.engines.resilient.onset import BEHIND, LEAD, LEAST, MOST, RESIDUE, WORTH, Onset
from callscribe.engines.resilient.seeking import BEFORE, MORE
from callscribe.engines.silero import SileroModel
from callscribe.errors import ModelError
from tests import speech
from tests.engines_for_tests import tones

RATE = 16_000


def noise(seconds: float, rate: int = RATE, level: float = 20.0) -> NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, level, int(seconds * rate)).astype(np.int16)


@pytest.mark.parametrize(("language", "speaker"), [("fr", "agent"), ("fr", "technician")])
def test_no_word_of_real_speech_is_cut(language: str, speaker: str) -> None:
    """On the microphone of the one and the telephone of the other."""
    rate, samples = speech.leg(language, speaker)
    mine = [u for u in speech.script(language) if u.speaker == speaker]
    left_out = pauses = 0.0
    for before, behind in zip(mine, mine[1:], strict=False):
        if behind.start - before.end < LEAST + LEAD + 0.5:
            continue
        # From where a final would have ended, a little before the voice does.
        begins, ends = before.end - 0.05, behind.start + 1.0
        part = samples[int(begins * rate) : int(ends * rate)]
        found = Onset().silence(part, rate, behind_word=True) / rate
        assert begins + found < behind.start - LEAD / 3
        left_out += found
        pauses += behind.start - begins
    assert left_out > 0.6 * pauses


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("speaker", ["agent", "technician"])
@pytest.mark.parametrize("seconds", [BEFORE + MORE, MOST])
def test_pauses_of_real_speech_are_left_out_and_no_word_with_them(
    language: str, speaker: str, seconds: float
) -> None:
    """In as little as is listened to, from wherever it begins."""
    rate, samples = speech.leg(language, speaker)
    mine = [u for u in speech.script(language) if u.speaker == speaker]
    onset, left_out = Onset(), 0.0
    for first in np.arange(0.0, len(samples) / rate - seconds, seconds / 4):
        part = samples[int(first * rate) : int((first + seconds) * rate)]
        for start, end in onset.pauses(part, rate):
            assert (end - start) / rate >= WORTH - 0.01
            begins, ends = first + start / rate, first + end / rate
            for said in mine:
                assert ends <= said.start - LEAD / 3 or begins >= said.end + BEHIND / 3
            left_out += ends - begins
    # Each moment is in four of them; some pauses are long on every one of these legs.
    assert left_out / 4 > 4.0


def test_pauses_before_between_and_behind() -> None:
    tone = np.frombuffer(tones(400), "<i2")[int(0.1 * RATE) : int(0.4 * RATE)]
    audio = np.concatenate([noise(3.0), tone, noise(2.5), tone, noise(1.5), tone, noise(4.0)])
    spans = [(a / RATE, b / RATE) for a, b in Onset().pauses(audio, RATE)]
    ends = [3.0, 5.8, 8.1, 11.9]  # the third is too short
    wanted = [(BEHIND, ends[0] - LEAD), (3.3 + BEHIND, ends[1] - LEAD), (7.9 + BEHIND, 11.9 - LEAD)]
    assert [a for a, _ in spans] == [pytest.approx(a, abs=0.05) for a, _ in wanted]
    late = [a / RATE for a, _ in Onset().pauses(audio, RATE, behind=BEHIND + 0.5)]
    assert late == [pytest.approx(a + 0.5, abs=0.05) for a, _ in wanted]
    assert [b for _, b in spans] == [pytest.approx(b, abs=0.05) for _, b in wanted]


def test_without_pauses_none_is_found() -> None:
    tone = np.frombuffer(tones(400, length=6.0), "<i2")[int(0.2 * RATE) : 5 * RATE]
    assert Onset().pauses(tone, RATE) == []
    assert Onset().pauses(np.zeros(0, np.int16), RATE) == []


def test_what_the_network_does_not_know_is_heard_too() -> None:
    """It stands out of the line's noise: who knows what it is."""
    silent = noise(3.0)
    tone = np.frombuffer(tones(400), "<i2")
    found = Onset().silence(np.concatenate([silent, tone, silent]), RATE)
    assert found / RATE == pytest.approx(3.0 + 0.1 - LEAD, abs=0.05)


def test_a_sound_that_does_not_end_is_heard() -> None:
    tone = np.frombuffer(tones(400, length=6.0), "<i2")[int(0.2 * RATE) : 5 * RATE]
    assert Onset().silence(tone, RATE) == 0


def test_the_end_of_a_word_is_no_word() -> None:
    tone = np.frombuffer(tones(400), "<i2")[int(0.1 * RATE) :]  # 0.3 s, then silence
    end = tone[int((0.3 - RESIDUE + 0.05) * RATE) :]
    behind = np.concatenate([noise(4.0), tone])
    assert Onset().silence(np.concatenate([end, behind]), RATE, behind_word=True) > 3 * RATE
    assert Onset().silence(np.concatenate([end, behind]), RATE) == 0, "there was none before"
    whole = Onset().silence(np.concatenate([tone, behind]), RATE, behind_word=True)
    assert whole == 0, "a word that nobody has heard yet"


def test_where_nobody_speaks_at_all() -> None:
    for silent in (noise(5.0), np.zeros(5 * RATE, np.int16), noise(5.0, level=100.0)):
        assert Onset().silence(silent, RATE) / RATE == pytest.approx(5.0 - LEAD, abs=0.05)
    assert Onset().silence(noise(3 * MOST), RATE) / RATE == pytest.approx(MOST - LEAD, abs=0.05)


def test_what_is_not_worth_it() -> None:
    assert Onset().silence(noise(LEAD + LEAST - 0.1), RATE) == 0
    assert Onset().silence(noise(0.1), RATE) == 0
    assert Onset().silence(np.zeros(0, np.int16), RATE) == 0


def test_without_the_network_all_is_heard_again() -> None:
    asked = 0

    def missing() -> SileroModel:
        nonlocal asked
        asked += 1
        raise ModelError("the network is missing")

    onset = Onset(missing)
    with capture_logs() as logs:
        for _ in range(3):
            assert onset.silence(noise(5.0), RATE) == 0
            assert onset.pauses(noise(5.0), RATE) == []
    assert [line["event"] for line in logs] == ["silence_not_sought"], "it is said once"
    assert asked == 1
