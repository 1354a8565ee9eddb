"""Finals on the real model: a second opinion helps a voice that is hard to hear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from callscribe.audio import FloatArray, Resampler, to_float
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.finals import (
    _surer_of,
    best_final,
    best_look,
    surest_final,
)
from callscribe.engines.whisper.guard import is_suspect
from tests.speech import leg, recall, script

NOTHING = np.empty(0, np.float32)


@pytest.fixture
def helper() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def telephone(start: float, end: float) -> FloatArray:
    """A stretch of the French technician at 16 kHz."""
    rate, samples = leg("fr", "technician")
    return to_float(Resampler(rate).push(samples, last=True))[int(start * 16e3) : int(end * 16e3)]


HARD = "Oui, il affiche le code 12 depuis ce matin."


def yes() -> bool:
    return True


@pytest.mark.parametrize("beside", [True, False])
def test_what_was_said_before_makes_a_hard_voice_clear(
    decoder: WhisperDecoder, helper: Executor, beside: bool
) -> None:
    window = Window(telephone(10.5, 13.4), "fr", 6.0, beam=5)
    alone = best_final(decoder, [window])[0]
    found = surest_final(
        decoder, window, telephone(2.93, 7.0), helper=helper if beside else None, wanted=yes
    )
    assert found.log_probability > alone.log_probability
    assert recall(HARD, found.text) > max(recall(HARD, alone.text), 0.8)
    assert all(-0.11 <= w.start <= w.end <= found.seconds + 0.4 for w in found.words)
    assert "chauffage" not in found.text


def test_a_look_at_a_hard_voice_hears_what_was_said_before(decoder: WhisperDecoder) -> None:
    window = Window(telephone(10.5, 13.4), "fr", 6.0, beam=2)
    alone = best_look(decoder, window, NOTHING)
    assert alone == best_final(decoder, [window])[0]
    found = best_look(decoder, window, telephone(2.93, 7.0))
    assert recall(HARD, found.text) > max(recall(HARD, alone.text), 0.8)
    assert "chauffage" not in found.text


def test_a_final_that_is_no_longer_wanted_is_decoded_once(decoder: WhisperDecoder) -> None:
    window = Window(telephone(10.5, 13.4), "fr", 6.0, beam=5)
    context = telephone(2.93, 7.0)
    found = surest_final(decoder, window, context, helper=None, wanted=lambda: False)
    assert found == best_final(decoder, [window])[0]


def test_without_context_the_second_look_keeps_its_times(
    decoder: WhisperDecoder, helper: Executor
) -> None:
    window = Window(telephone(2.9, 7.2), "fr", 6.0, beam=5)
    found = surest_final(decoder, window, NOTHING, helper=helper, wanted=yes)
    assert found.log_probability >= best_final(decoder, [window])[0].log_probability
    assert found.seconds == pytest.approx(4.3, abs=0.01)


def test_a_second_opinion_that_leaves_words_out_is_not_taken(
    decoder: WhisperDecoder, helper: Executor
) -> None:
    rate, samples = leg("en", "agent")
    window = Window(to_float(samples[: 3 * rate]), "en", 6.0, beam=5)
    other_voice = telephone(24.0, 27.3)
    found = surest_final(decoder, window, other_voice, helper=helper, wanted=yes)
    said = next(u.text for u in script("en") if u.speaker == "agent")
    assert recall(said, found.text) > 0.8


class LoopingFirst:
    """The real decoder, whose first answers loop."""

    def __init__(self, decoder: WhisperDecoder, loops: int) -> None:
        self._decoder = decoder
        self._loops = loops
        self.asked: list[Window] = []

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        self.asked += windows
        found = self._decoder.decode(windows)
        if len(self.asked) <= self._loops:
            return [replace(h, words=h.words[:2] * 4) for h in found]
        return found


@pytest.mark.parametrize("loops", [1, 2])
def test_a_loop_is_decoded_again(decoder: WhisperDecoder, loops: int) -> None:
    rate, samples = leg("fr", "agent")
    window = Window(to_float(samples[: 4 * rate]), "fr", 6.0, beam=1, prompt="Clémence.")
    looping = LoopingFirst(decoder, loops)
    (found,) = best_final(looping, [window])  # type: ignore[arg-type]
    assert not is_suspect(found)
    said = next(u.text for u in script("fr") if u.speaker == "agent")
    assert recall(said, found.text) > 0.6
    assert len(looping.asked) == loops + 1
    assert all(w.padding > window.padding and not w.prompt for w in looping.asked[1:])
    assert looping.asked[-1].ban_repeats is (loops == 2)


def heard(text: str, log_probability: float) -> Hypothesis:
    return Hypothesis(text, (), log_probability, 0.0, "fr", 9.0, truncated=False)


def test_of_what_was_made_up_nothing_is_kept_for_its_length() -> None:
    """A decoder that makes things up is fluent: its text is longer than what was said."""
    long, short = "je vous invite à faire une autre vidéo sur la chaîne", heard("ce moment", -0.5)
    assert _surer_of(heard(long, -1.8), short, heard_more=False) is short
    first = heard(long, -0.6)
    assert _surer_of(first, short, heard_more=True) is first


def test_what_has_heard_the_voice_before_may_be_a_little_less_sure() -> None:
    first, other = heard("le mot", -0.4), heard("le pot", -0.45)
    assert _surer_of(first, other, heard_more=True) is other
    assert _surer_of(first, other, heard_more=False) is first
    assert _surer_of(first, heard("le pot", -0.55), heard_more=True) is first
