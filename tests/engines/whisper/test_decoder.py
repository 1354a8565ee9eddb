"""The real model on the demo call's speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio import FloatArray
from callscribe.engines.whisper.decoder import WhisperDecoder, Window, _portions
from callscribe.engines.whisper.features import MAX_FRAMES
from callscribe.wer import word_errors
from tests.speech import Spoken, leg, recall, script


def utterance(language: str, index: int) -> tuple[FloatArray, Spoken]:
    spoken = [u for u in script(language) if u.speaker == "agent"][index]
    rate, samples = leg(language, "agent")
    low, high = round((spoken.start - 0.2) * rate), round((spoken.end + 0.2) * rate)
    return samples[max(low, 0) : high].astype(np.float32) / 32768, spoken


@pytest.mark.parametrize("language", ["fr", "en"])
def test_words_and_their_times(decoder: WhisperDecoder, language: str) -> None:
    audio, spoken = utterance(language, 0)
    (found,) = decoder.decode([Window(audio, language, padding=6.0, beam=5)])
    assert recall(spoken.text, found.text) > 0.7
    assert [w.start for w in found.words] == sorted(w.start for w in found.words)
    assert all(0.0 <= w.start <= w.end <= found.seconds + 1e-6 for w in found.words)
    assert all(0.0 < w.confidence <= 1.0 for w in found.words)
    assert found.words[0].start < 1.0
    assert found.words[-1].end > found.seconds - 1.2
    assert "".join(w.text for w in found.words).replace(" ", "") == found.text.replace(" ", "")


def test_a_batch_gives_each_window_its_own_words(decoder: WhisperDecoder) -> None:
    windows, spoken = zip(*(utterance("en", i) for i in range(3)), strict=True)
    found = decoder.decode([Window(audio, "en", 6.0) for audio in windows])
    for hypothesis, one in zip(found, spoken, strict=True):
        assert recall(one.text, hypothesis.text) > 0.7


def test_different_languages_and_prompts_in_one_call(decoder: WhisperDecoder) -> None:
    french, said = utterance("fr", 0)
    english, spoken = utterance("en", 0)
    found = decoder.decode(
        [
            Window(french, "fr", 6.0),
            Window(english, "en", 6.0, prompt="A call to the service desk."),
        ]
    )
    assert recall(said.text, found[0].text) > 0.6
    assert recall(spoken.text, found[1].text) > 0.6


def test_a_long_prompt_takes_no_room_from_a_short_window(decoder: WhisperDecoder) -> None:
    audio, spoken = utterance("fr", 0)
    prompt = ", ".join(f"Vitodens {number}" for number in range(100, 150)) + "."
    (brief,) = decoder.decode([Window(audio[: 16_000 * 3 // 2], "fr", 6.0, prompt=prompt)])
    assert brief.text
    (whole,) = decoder.decode([Window(audio, "fr", 6.0, prompt=prompt)])
    assert recall(spoken.text, whole.text) > 0.6
    assert not whole.truncated


def test_no_audio_at_all_is_no_trouble(decoder: WhisperDecoder) -> None:
    (found,) = decoder.decode([Window(np.zeros(0, np.float32), "fr", 1.0)])
    assert found.seconds == 0.0


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_language_is_recognised(decoder: WhisperDecoder, language: str) -> None:
    audio, _ = utterance(language, 0)
    found, sure = decoder.detect_language(audio)
    assert found == language
    assert sure > 0.5


@given(st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=20), st.integers(1, 9000))
def test_no_batch_is_larger_than_it_may_be(frames: list[int], most: int) -> None:
    portions = list(_portions(range(len(frames)), frames, most))
    assert sorted(index for portion in portions for index in portion) == list(range(len(frames)))
    for portion in portions:
        assert portion
        longest = max(frames[index] for index in portion)
        assert len(portion) == 1 or len(portion) * longest <= most


def test_batches_give_the_same_words_whatever_their_size(decoder: WhisperDecoder) -> None:
    windows = [Window(utterance("fr", n)[0], "fr", 6.0) for n in range(3)]
    together, apart = decoder.decode(windows), decoder.decode(windows, at_once=1.0)
    said = [" ".join(found.text for found in way) for way in (together, apart)]
    assert word_errors(*said).rate < 0.15
    assert [found.seconds for found in together] == [found.seconds for found in apart]
