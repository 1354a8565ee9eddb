"""Agreement between hypotheses, and where a window may be cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.whisper.agreement import agreed, bare, cut_point
from callscribe.transcript import Word


def words(text: str, step: float = 0.3, gap: float = 0.0) -> list[Word]:
    return [
        Word(part, i * (step + gap), i * (step + gap) + step, 0.9)
        for i, part in enumerate(text.split())
    ]


def test_case_and_punctuation_do_not_count() -> None:
    assert bare("L'imprimante,") == bare("l imprimante".replace(" ", ""))
    assert agreed(words("Bonjour. je suis"), words("bonjour, je suis Paul")) == 3


def test_agreement_ends_at_the_first_difference() -> None:
    assert agreed(words("the old printer is"), words("the cold printer is")) == 1


@given(st.lists(st.sampled_from(["a", "b", "c"])), st.lists(st.sampled_from(["a", "b", "c"])))
def test_agreement_is_a_common_prefix(one: list[str], two: list[str]) -> None:
    count = agreed(words(" ".join(one)), words(" ".join(two)))
    assert one[:count] == two[:count]
    assert count == min(len(one), len(two)) or one[count] != two[count]


def test_a_sentence_end_is_the_best_cut() -> None:
    said = words("It is broken. Yes, I see that now")
    assert cut_point(said, stable=6, latest=10.0) == 3


def test_a_comma_is_the_next_best() -> None:
    assert cut_point(words("well yes, I see that now"), stable=5, latest=10.0) == 2


def test_nothing_leaves_that_is_not_stable_or_too_fresh() -> None:
    said = words("It is broken. Yes")
    assert cut_point(said, stable=2, latest=10.0) == 0
    assert cut_point(said, stable=4, latest=0.4) == 0


def test_the_last_word_never_leaves() -> None:
    assert cut_point(words("Done."), stable=1, latest=10.0) == 0
