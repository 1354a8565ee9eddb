"""A final in the company of its neighbours: what is heard, and whose words are whose."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import RATE
from callscribe.engines.rehearing.clip import GAP, Clip, Hearing, surest, together
from callscribe.transcript import Result, Word


def final(*words: tuple[str, float, float, float], label: str | None = None) -> Result:
    said = tuple(Word(*word, label) for word in words)
    return Result(" ".join(w.text for w in said), said[0].start, said[-1].end, True, words=said)


OWN = final(("bonjour", 10.2, 10.6, 0.5), ("madame", 10.6, 11.0, 0.5))
CLIP = together(OWN, "whisper", [(2.0, 4.0), (10.0, 11.5), (20.0, 21.0)], 1)


def test_pieces_stand_one_behind_the_other_with_a_little_silence() -> None:
    places = [place for piece in CLIP.pieces for place in (piece.at, piece.until)]
    assert places == pytest.approx([0, 2, 2 + GAP, 3.5 + GAP, 3.5 + 2 * GAP, 4.5 + 2 * GAP])


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_the_audio_is_that_of_the_stretches(rate: int) -> None:
    track = np.full(30 * rate, 100, np.int16)
    for start, end, level in ((2, 4, 4000), (10, 11.5, 8000), (20, 21, 12_000)):
        track[int(start * rate) : int(end * rate)] = level

    pieces = [track[round(p.start * rate) : round(p.end * rate)] for p in CLIP.pieces]
    audio = CLIP.audio(pieces, rate)
    assert audio.dtype == np.float32
    assert len(audio) == round((4.5 + 3 * GAP) * RATE)
    for piece, level in zip(CLIP.pieces, (4000, 8000, 12_000), strict=True):
        middle = audio[round((piece.at + 0.2) * RATE) : round((piece.until - 0.2) * RATE)]
        assert np.allclose(middle * 32768, level, atol=60)
        behind = audio[round((piece.until + 0.05) * RATE) : round((piece.until + 0.25) * RATE)]
        assert np.allclose(behind, 0)


def test_words_of_the_neighbours_are_theirs() -> None:
    at = 2.0 + GAP
    found = [
        Word("avant", 1.5, 1.95, 0.9),
        Word("Bonjour", at - 0.4, at + 0.6, 0.9),  # too early, as behind a silence
        Word("madame.", at + 0.6, at + 1.1, 0.9),
        Word("après", 4.2, 4.6, 0.9),
    ]
    assert [(w.text, w.start, w.end) for w in CLIP.words(found)] == [
        ("Bonjour", pytest.approx(10.0), pytest.approx(10.6)),
        ("madame.", pytest.approx(10.6), pytest.approx(11.1)),
    ]


def test_a_voice_keeps_its_label() -> None:
    own = final(("a", 0.2, 0.4, 0.5), label="1")
    clip = together(own, "whisper", [(0.0, 1.0)], 0)
    assert [w.speaker_label for w in clip.words([Word("b", 0.2, 0.4, 0.9, "7")])] == ["1"]


def hearing(clip: Clip, *then: tuple[str, float], by_request: bool = False) -> Hearing:
    words = tuple(Word(text, 0.0, 0.1, confidence) for text, confidence in then)
    return Hearing(clip, words, by_request)


@pytest.mark.parametrize(
    ("clip", "then", "believed"),
    [
        (CLIP.alone, [("bonjour", 0.8), ("Adam", 0.8)], True),
        (CLIP.alone, [("bonjour", 0.49), ("Adam", 0.49)], True),
        (CLIP.onwards, [("bonjour", 0.49), ("Adam", 0.49)], True),
        (CLIP.onwards, [("bonjour", 0.47), ("Adam", 0.47)], False),
        (CLIP, [("bonjour", 0.46), ("Adam", 0.46)], True),  # still more
        (CLIP, [("bonjour", 0.4), ("Adam", 0.4)], False),
        (CLIP, [("bon", 0.99)], False),  # what is hard to hear was left out
        (CLIP, [], False),
    ],
)
def test_the_surer_one_is_believed(
    clip: Clip, then: list[tuple[str, float]], *, believed: bool
) -> None:
    again = hearing(clip, *then)
    assert surest([again]) is (again if believed else None)


def test_what_was_asked_for_has_to_be_surer() -> None:
    again = hearing(CLIP.alone, ("bonjour", 0.51), ("Adam", 0.51), by_request=True)
    assert surest([again]) is None
    again = hearing(CLIP.alone, ("bonjour", 0.53), ("Adam", 0.53), by_request=True)
    assert surest([again]) is again


def test_of_two_the_one_that_gains_more_is_believed() -> None:
    whole = hearing(CLIP, ("bonjour", 0.6), ("Adam", 0.6))
    for sure, best in ((0.62, whole), (0.64, None)):
        onwards = hearing(CLIP.onwards, ("bonjour", sure), ("madame", sure))
        assert surest([whole, onwards]) is (best or onwards)
    assert surest([]) is None


def test_a_hearing_is_clear_that_is_sure_and_whole() -> None:
    assert hearing(CLIP, ("bonjour", 0.9), ("madame", 0.9)).is_clear
    assert not hearing(CLIP, ("bonjour", 0.7), ("madame", 0.7)).is_clear
    assert not hearing(CLIP, ("bon", 0.99)).is_clear
    assert not hearing(CLIP).is_clear


def test_onwards_it_begins_with_its_own_stretch_too() -> None:
    own, after = CLIP.onwards.pieces
    assert (own.start, own.end, own.at, CLIP.onwards.target) == (10.0, 11.5, 0.0, 0)
    assert (after.start, after.end, after.at) == (20.0, 21.0, pytest.approx(1.5 + GAP))


def test_alone_it_begins_with_its_own_stretch() -> None:
    (piece,) = CLIP.alone.pieces
    assert (piece.start, piece.end, piece.at, CLIP.alone.target) == (10.0, 11.5, 0.0, 0)
