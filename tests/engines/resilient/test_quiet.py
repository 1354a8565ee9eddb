"""Audio is cut where nobody speaks."""

from __future__ import annotations

import numpy as np

from callscribe.engines.resilient.quiet import BEFORE, LULL, Pauses, is_lull, quietest
from callscribe.engines.resilient.tape import Tape
from callscribe.wire.g711 import samples_to_mulaw
from tests import speech
from tests.engines_for_tests import tones

RATE = 16_000


def test_the_nearest_pause() -> None:
    samples = np.frombuffer(tones(400, 600, 800), "<i2")  # at 0.1–0.4, 0.9–1.2, 1.7–2.0 s
    assert 0.4 < quietest(samples, RATE, int(0.85 * RATE)) / RATE < 0.9
    assert 1.2 < quietest(samples, RATE, int(1.15 * RATE)) / RATE < 1.7
    place = int(1.45 * RATE)
    assert quietest(samples, RATE, place) == place, "it is quiet there already"


def test_noise_is_no_reason_to_cut_a_word() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 3 * RATE)
    samples = noise.astype("<i2")
    tone = np.frombuffer(tones(400, 600, 800), "<i2")
    samples[: len(tone)] += tone
    assert 0.38 < quietest(samples, RATE, int(1.0 * RATE)) / RATE < 0.92


def test_where_there_is_nothing_to_choose_from() -> None:
    assert quietest(np.zeros(0, np.int16), RATE, 0) == 0
    assert quietest(np.full(800, 9, np.int16), RATE, 300) == 300


def test_in_real_speech_it_is_quiet_there() -> None:
    rate, samples = speech.leg("fr", "agent")
    spoken = [u for u in speech.script("fr") if u.speaker == "agent"]

    def level(start: float, end: float) -> float:
        piece = samples[max(0, int(start)) : int(end)].astype(float)
        return float(np.sqrt(np.mean(piece**2)))

    loudness = max(level(u.start * rate, u.end * rate) for u in spoken)
    before = after = 0
    for place in (near for u in spoken for near in np.arange(u.start + 0.1, u.end, 0.3)):
        near = int(place * rate)
        low = max(0, near - 2 * rate)
        at = low + quietest(samples[low : near + 2 * rate], rate, near - low)
        before += level(near - rate / 40, near + rate / 40) > 0.1 * loudness
        after += level(at - rate / 40, at + rate / 40) > 0.1 * loudness
    assert before > 50
    assert after == 0


def test_a_lull_is_much_quieter_than_what_was_before() -> None:
    samples = np.frombuffer(tones(400, 600, 800), "<i2")  # at 0.1–0.4, 0.9–1.2, 1.7–2.0 s
    noise = np.random.default_rng(1).normal(0, 300, len(samples)).astype("<i2")
    for heard in (samples, samples + noise):
        ends = [at / 10 for at in range(3, 25) if is_lull(heard[: at * RATE // 10], RATE)]
        assert ends == [0.6, 0.7, 0.8, 0.9, 1.4, 1.5, 1.6, 1.7, 2.2, 2.3, 2.4]


def test_where_nobody_spoke_there_is_no_lull() -> None:
    assert not is_lull(np.zeros(0, np.int16), RATE)
    assert not is_lull(np.zeros(RATE, np.int16), RATE)
    assert not is_lull(np.random.default_rng(1).normal(0, 300, RATE).astype("<i2"), RATE)


def test_in_real_speech_a_lull_lies_outside_words_mostly() -> None:
    rate, samples = speech.leg("fr", "agent")
    spoken = [u for u in speech.script("fr") if u.speaker == "agent"]
    size, lull = int(BEFORE * rate), int(LULL * rate)
    found = 0
    for utterance in spoken:
        for at in np.arange(utterance.start + 1.0, utterance.end, 0.1):
            end = int(at * rate)
            piece = samples[max(end - size, 0) : end]
            if is_lull(piece, rate):
                found += 1
                last, all_of_it = (x.astype(float) for x in (piece[-lull:], piece))
                assert np.sqrt(np.mean(last**2)) < 0.32 * np.sqrt(np.mean(all_of_it**2))
    assert found


def test_pauses_of_a_tape_in_either_encoding() -> None:
    audio = tones(400, 600, 800)
    for encoding, width, data in (
        ("linear16", 2, audio),
        ("mulaw", 1, samples_to_mulaw(np.frombuffer(audio, "<i2"))),
    ):
        tape = Tape(RATE, width, memory=60, most=60)
        tape.append(data)
        pauses = Pauses(tape, RATE, encoding)  # type: ignore[arg-type]
        assert 0.4 < pauses.near(int(0.85 * RATE), 0, 2 * RATE) / RATE < 0.9
        assert pauses.is_before(int(0.8 * RATE))
        assert not pauses.is_before(int(0.5 * RATE))
