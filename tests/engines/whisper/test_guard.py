"""What the decoder invents is recognised; what people say is not taken for it."""

from __future__ import annotations

import pytest

from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.guard import (
    believable,
    is_phantom,
    is_suspect,
    overruns,
    repeats,
    trim_tail,
)
from callscribe.transcript import Word


def hypothesis(
    text: str, *, log_probability: float = -0.2, no_speech: float = 0.05, seconds: float = 5.0
) -> Hypothesis:
    parts = text.split()
    step = seconds / max(len(parts), 1)
    words = tuple(Word(p, i * step, (i + 1) * step, 0.8) for i, p in enumerate(parts))
    return Hypothesis(text, words, log_probability, no_speech, "fr", seconds, truncated=False)


@pytest.mark.parametrize(
    "text",
    [
        "no no no no no",
        "the pound key the pound key the pound key",
        "Follow that account key. Follow that account key. Follow that account key.",
        "je suis au service technique je suis au service technique",
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert repeats(hypothesis(text).words)
    assert is_suspect(hypothesis(text))


@pytest.mark.parametrize(
    "text",
    [
        "oui oui oui d'accord",
        "no no I mean the second one",
        "zero six zero six twelve twelve",
        "the printer on the left and the printer on the right",
        "",
    ],
)
def test_what_people_say_twice_is_no_loop(text: str) -> None:
    assert not repeats(hypothesis(text).words)


@pytest.mark.parametrize(
    "text",
    [
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sous-titrage Société Radio-Canada",
        "Merci d'avoir regardé cette vidéo !",
        "Thank you for watching!",
    ],
)
def test_phantoms_are_never_believed(text: str) -> None:
    assert is_phantom(text)
    assert not believable(hypothesis(text), evidence=4.0)


def test_a_sentence_that_contains_such_words_is_believed() -> None:
    text = "Thank you for watching over the server while I was away on the second floor today"
    assert not is_phantom(text)
    assert believable(hypothesis(text), evidence=4.0)


def test_a_lone_thank_you_needs_a_voice() -> None:
    short = hypothesis("Thank you.", log_probability=-0.4, seconds=1.0)
    assert believable(short, evidence=0.7)
    assert not believable(
        hypothesis("Thank you.", log_probability=-0.9, seconds=1.0), evidence=0.25
    )


def test_the_less_was_heard_the_surer_the_decoder_must_be() -> None:
    weak = hypothesis("je ne sais pas", log_probability=-0.7)
    assert believable(weak, evidence=3.0)
    assert not believable(weak, evidence=0.1)


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "believed"),
    [(0.2, -1.5, True), (0.5, -0.6, True), (0.58, -0.75, False), (0.58, -1.4, False)],
)
def test_where_the_model_hears_nobody_it_must_be_sure_of_its_words(
    no_speech: float, log_probability: float, believed: bool
) -> None:
    said = hypothesis(
        "what to do", log_probability=log_probability, no_speech=no_speech, seconds=2.0
    )
    assert believable(said, evidence=0.9) is believed


def test_words_squeezed_into_no_time_are_suspect() -> None:
    words = (Word("key.", 1.0, 1.4, 0.9), Word("Follow", 2.0, 2.0, 0.9), Word("key", 2.0, 2.0, 0.9))
    squeezed = Hypothesis("", words, -0.3, 0.1, "en", 2.0, truncated=False)
    assert overruns(squeezed)
    assert is_suspect(squeezed)


def test_unsure_words_behind_the_speech_are_dropped() -> None:
    words = (Word("fin.", 1.0, 1.4, 0.9), Word("Merci.", 2.1, 2.4, 0.2))
    assert trim_tail(words, speech_end=1.5) == words[:1]
    assert trim_tail(words, speech_end=2.3) == words
