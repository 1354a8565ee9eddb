"""The open utterance's words: what settles, what may still change."""

from __future__ import annotations

from callscribe.engines.whisper.draft import Draft
from callscribe.transcript import Word


def words(text: str, start: float = 0.0, step: float = 0.4, confidence: float = 0.9) -> list[Word]:
    parts = text.split()
    return [
        Word(p, start + i * step, start + (i + 1) * step, confidence) for i, p in enumerate(parts)
    ]


def text(found: list[Word]) -> str:
    return " ".join(w.text for w in found)


def test_words_settle_once_two_hypotheses_agree_and_the_window_is_long() -> None:
    draft = Draft(0.0)
    draft.take(words("It is broken. Yes I"), 2.4)
    assert draft.settled == []
    draft.take(words("It is broken. Yes I see"), 2.8)
    assert text(draft.settled) == "It is broken."
    assert 1.0 < draft.window_start < 1.3
    assert draft.prompt == "It is broken."
    whole = draft.take(words("Yes I see that", start=1.2), 3.2)
    assert text(whole) == "It is broken. Yes I see that"


def test_a_word_that_was_cut_through_is_not_said_twice() -> None:
    draft = Draft(0.0)
    draft.take(words("one two three. four five"), 2.4)
    draft.take(words("one two three. four five six"), 2.8)
    assert text(draft.take(words("three four five six", start=1.1), 3.2)) == (
        "one two three. four five six"
    )


def test_a_half_heard_last_word_waits() -> None:
    draft = Draft(0.0)
    unsure = [*words("one two"), Word("thr", 0.8, 1.2, 0.2)]
    assert text(draft.take(unsure, 1.2)) == "one two"


def test_only_news_is_shown() -> None:
    draft = Draft(0.0)
    assert draft.is_news("one")
    assert not draft.is_news("one")
    assert not draft.is_news("")
    assert draft.is_news("one two")


def test_what_became_final_leaves_the_draft() -> None:
    draft = Draft(0.0)
    draft.take(words("one two. three four"), 1.6)
    draft.cut(0.8)
    assert text(draft.hypothesis) == "three four"
    assert draft.window_start == 0.8
    assert text(draft.take(words("two. three four five", start=0.4), 2.0)) == "three four five"


def test_a_careful_decode_settles_all_up_to_a_pause() -> None:
    draft = Draft(0.0)
    draft.take(words("won too three four five"), 2.4)
    whole = draft.settle(words("one two three."), 1.2)
    assert text(whole) == "one two three. four five"
    assert text(draft.settled) == "one two three."
    assert draft.window_start == 1.2
    whole = draft.take(words("four five six", start=1.2), 3.0)
    assert text(whole) == "one two three. four five six"


def test_a_window_that_never_agrees_with_itself_is_cut_all_the_same() -> None:
    draft = Draft(0.0)
    draft.take(words("a b c d e f g h i j k l m n"), 5.8)
    assert draft.window_start == 0.0
    draft.take(words("z y x w v u t s r q p o n m l"), 6.6)
    assert 3.0 < draft.window_start < 4.0
