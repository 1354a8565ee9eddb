"""Words to expect, as a prompt."""

from callscribe.engines.whisper.vocabulary import SAID_TWICE, vocabulary_prompt


def test_a_short_list_is_said_twice_and_ends_like_a_sentence() -> None:
    assert vocabulary_prompt(()) == ""
    assert vocabulary_prompt(["Livebox", "Ada"]) == "Livebox, Ada, Livebox, Ada."


def test_a_long_list_is_said_once() -> None:
    terms = [f"term{n}" for n in range(SAID_TWICE + 1)]
    assert vocabulary_prompt(iter(terms)) == ", ".join(terms) + "."
