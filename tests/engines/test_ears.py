"""Speech and its ends, heard beside the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from callscribe.engines.ears import KEPT, Ears
from callscribe.engines.silero import SileroModel
from callscribe.wire.g711 import samples_to_mulaw
from tests.speech import leg, script


@pytest.fixture
def ears(silero: SileroModel) -> Iterator[Ears]:
    made = Ears(silero)
    yield made
    made.close()
    assert not [t for t in threading.enumerate() if t.name == "ears"]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert holds()


@pytest.mark.parametrize("encoded", [False, True], ids=["linear16", "mulaw"])
def test_speech_ends_where_a_person_says_it_does(ears: Ears, encoded: bool) -> None:
    rate, samples = leg("fr", "technician")
    spoken = [u for u in script("fr") if u.speaker == "technician"][:3]
    until_sample = int((spoken[-1].end + 2) * rate)
    audio = samples[:until_sample]
    ends: list[float] = []
    ear = ears.listen(rate, "mulaw" if encoded else "linear16", 0.6, ends.append)
    data = samples_to_mulaw(audio) if encoded else audio.astype("<i2").tobytes()
    for at in range(0, len(data), 320):
        ear.hear(data[at : at + 320])
    until(lambda: bool(ends) and ends[-1] > spoken[-1].end - 0.7)
    for utterance in spoken:
        assert any(abs(end - utterance.end) < 0.7 for end in ends), (utterance.end, ends)


def test_a_leg_that_fails_leaves_the_others(ears: Ears) -> None:
    rate, samples = leg("en", "agent")
    ends: list[float] = []
    broken = ears.listen(rate, "linear16", 0.4, lambda _: 1 / 0)  # type: ignore[arg-type]
    other = ears.listen(rate, "linear16", 0.4, ends.append)
    data = samples[: 20 * rate].astype("<i2").tobytes()
    broken.hear(b"x")
    broken.hear(data)
    other.hear(data)
    until(lambda: len(ends) > 1)


def test_the_thread_ends_with_the_last_leg_and_comes_back(ears: Ears) -> None:
    def running() -> bool:
        return any(t.name == "ears" for t in threading.enumerate())

    for _ in range(2):
        ear = ears.listen(16_000, "linear16", 0.4, lambda _: None)
        until(running)
        ear.close()
        ear.close()
        until(lambda: not running())


def test_an_ear_that_is_closed_keeps_nothing(ears: Ears) -> None:
    ear = ears.listen(16_000, "linear16", 0.4, lambda _: None)
    ear.close()
    ear.hear(bytes(640))
    assert not ear._inbox


def test_speech_is_told_while_it_is_heard_and_silence_is_not(ears: Ears) -> None:
    rate, samples = leg("fr", "technician")
    first, second = [u for u in script("fr") if u.speaker == "technician"][:2]
    spoken: list[float] = []
    ends: list[float] = []
    ear = ears.listen(rate, "linear16", 0.6, ends.append, spoken.append)
    audio = samples[: int((second.end + 2) * rate)].astype("<i2").tobytes()
    for at in range(0, len(audio), rate):
        ear.hear(audio[at : at + rate])
        time.sleep(0.02)
    until(lambda: bool(ends) and ends[-1] > second.end - 0.7)
    assert len(spoken) > 1
    assert spoken == sorted(set(spoken))
    margin = 0.5
    for place in spoken:
        assert any(u.start - margin < place < u.end + margin for u in (first, second)), place


def test_noise_is_no_speech(ears: Ears) -> None:
    spoken: list[float] = []
    noise = np.random.default_rng(5).normal(0, 300, 16_000 * 5).astype("<i2")
    noise[::16_000] = 30_000  # clicks
    ear = ears.listen(16_000, "linear16", 0.4, lambda _: None, spoken.append)
    ear.hear(noise.tobytes())
    until(lambda: not ear._inbox)
    time.sleep(0.3)
    assert not spoken


def test_an_ear_that_rests_hears_the_last_seconds_when_it_attends(ears: Ears) -> None:
    rate, samples = leg("fr", "technician")
    utterance = next(u for u in script("fr") if u.speaker == "technician")
    begin, end = int((utterance.end - 1.5) * rate), int((utterance.end + 1.2) * rate)
    audio = samples[begin:end].astype("<i2").tobytes()
    ends: list[float] = []
    spoken: list[float] = []
    ear = ears.listen(rate, "linear16", 0.6, ends.append, spoken.append)
    ear.rest()
    ear.hear(bytes(60 * rate * 2))
    for at in range(0, len(audio), 320):
        ear.hear(audio[at : at + 320])
    most = (KEPT + 0.6) * rate * 2
    until(lambda: sum(len(piece) for _, piece in ear._inbox) <= most + 320)
    time.sleep(0.3)
    assert not ends
    assert not spoken
    ear.attend()
    until(lambda: bool(ends))
    assert abs(ends[0] - 60 - 1.5) < 0.7
    assert abs(spoken[-1] - 60 - 1.5) < 0.7
