"""The voice activity network on speech and on what is none."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import Resampler, to_float
from callscribe.engines.silero import SileroModel
from callscribe.vad import CHUNK
from tests.speech import leg, script


@pytest.mark.parametrize("speaker", ["agent", "technician"])
def test_speech_is_heard_where_it_is(silero: SileroModel, speaker: str) -> None:
    rate, samples = leg("fr", speaker)
    audio = to_float(Resampler(rate).push(samples, last=True))
    stream = silero.stream()
    found = [stream(audio[at : at + CHUNK]) for at in range(0, len(audio) - CHUNK, CHUNK)]
    spoken = [u for u in script("fr") if u.speaker == speaker]
    for utterance in spoken:
        low, high = int(utterance.start * 31.25), int(utterance.end * 31.25)
        assert max(found[low:high]) > 0.3, utterance
    quiet = [
        p
        for index, p in enumerate(found)
        if not any(u.start - 0.4 < index / 31.25 < u.end + 0.4 for u in spoken)
    ]
    assert np.mean(np.array(quiet) > 0.5) < 0.02


def test_two_streams_do_not_disturb_each_other(silero: SileroModel) -> None:
    _, samples = leg("en", "agent")
    audio = to_float(samples[:48_000])
    alone, beside, other = silero.stream(), silero.stream(), silero.stream()
    for at in range(0, len(audio) - CHUNK, CHUNK):
        other(np.zeros(CHUNK, np.float32))
        assert alone(audio[at : at + CHUNK]) == beside(audio[at : at + CHUNK])


def test_several_chunks_at_once_are_judged_as_one_by_one(silero: SileroModel) -> None:
    _, samples = leg("en", "agent")
    audio = to_float(samples[: 60 * CHUNK])
    one, many = silero.stream(), silero.stream()
    singly = [one(audio[at : at + CHUNK]) for at in range(0, len(audio), CHUNK)]
    together = np.concatenate([many.judge(audio[: 7 * CHUNK]), many.judge(audio[7 * CHUNK :])])
    assert together == pytest.approx(singly, abs=1e-4)
    assert max(singly) > 0.9
