"""Old words, packed: the same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.packed_words import LATE, PackedWords, pack_old, packed
from callscribe.transcript import Transcript, Utterance, Word

numbers = st.floats(allow_nan=False)
texts = st.text(st.characters(exclude_characters=" "))
numbers |= st.integers(0, 10**7).map(lambda ms: ms / 1000)
words = st.builds(Word, texts, numbers, numbers, numbers, st.none() | st.sampled_from(["0", "S1"]))


def said(spoken: tuple[Word, ...], start: float = 0.0, text: str | None = None) -> Utterance:
    shown = " ".join(word.text for word in spoken) if text is None else text
    return Utterance(f"agent-{start}", "agent", shown, start, start + 1, spoken, 0.9, "fr")


@given(st.lists(words, min_size=1).map(tuple), st.none() | st.just("put otherwise"))
def test_packing_changes_nothing_that_anybody_sees(
    spoken: tuple[Word, ...], text: str | None
) -> None:
    before = said(spoken, text=text)
    now = packed(before)
    assert isinstance(now.words, PackedWords)
    assert now == before
    assert before == now
    assert now.to_dict() == before.to_dict()
    assert tuple(now.words) == spoken
    assert len(now.words) == len(spoken)
    assert now.words[-1] == spoken[-1]
    assert now.words[1:3] == spoken[1:3]
    assert hash(now.words) == hash(spoken)
    assert repr(now.words) == repr(spoken)
    assert packed(now) is now


@pytest.mark.parametrize(
    "spoken",
    [
        (),
        (Word("douze heures", 0.0, 1.0, 0.9),),
        (Word("oui", 0.0, None, 0.9),),  # type: ignore[arg-type] # an engine's nonsense
    ],
)
def test_what_cannot_be_undone_is_left_as_it_is(spoken: tuple[Word, ...]) -> None:
    before = said(spoken, text="douze heures")
    assert packed(before) is before


def test_only_what_is_old_is_packed() -> None:
    transcript = Transcript("call")
    for start in range(LATE + 5):
        transcript.add(said((Word("oui", start, start + 0.5, 0.9),), start))
        pack_old(transcript.utterances)
    kinds = [isinstance(u.words, PackedWords) for u in transcript.utterances]
    assert kinds == [True] * 5 + [False] * LATE


def test_what_was_read_is_packed_at_once() -> None:
    spoken = (Word("oui", 0.0, 0.5, 0.9),)
    transcript = Transcript("call", [said(spoken, start) for start in range(LATE + 5)])
    pack_old(transcript.utterances, all_of_it=True)
    kinds = [isinstance(u.words, PackedWords) for u in transcript.utterances]
    assert kinds == [True] * 5 + [False] * LATE
