"""A clip heard once more, with the model's whole window."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import Resampler, to_float
from callscribe.engines.whisper.again import decode_again
from callscribe.engines.whisper.decoder import WhisperDecoder
from callscribe.engines.whisper.models import resolve_model
from callscribe.wer import word_errors
from tests import speech


@pytest.fixture(scope="module")
def decoder() -> WhisperDecoder:
    return WhisperDecoder(resolve_model("base", speech.MODELS), threads=1)


@pytest.mark.parametrize("language", ["fr", "auto"])
def test_words_with_their_times(decoder: WhisperDecoder, language: str) -> None:
    rate, samples = speech.leg("fr", "agent")
    said = [s for s in speech.script("fr") if s.speaker == "agent"][:2]
    start, end = said[0].start, said[-1].end
    part = samples[int(start * rate) : int((end + 0.3) * rate)]
    found = decode_again(decoder, to_float(Resampler(rate).push(part, last=True)), language)
    assert found.language == "fr"
    assert found.is_final
    assert word_errors(" ".join(s.text for s in said), found.text).rate < 0.35
    assert [w.start for w in found.words] == sorted(w.start for w in found.words)
    assert found.words[-1].end <= end - start + 0.5
    assert 0.0 < found.confidence <= 1.0


def test_silence_may_have_no_words_and_breaks_nothing(decoder: WhisperDecoder) -> None:
    found = decode_again(decoder, np.zeros(16_000, np.float32), "fr")
    assert found.confidence <= 1.0
    assert (found.text == "") == (found.words == ())
