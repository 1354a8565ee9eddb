"""The words to expect, as a prompt. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SAID_TWICE: Final = 12
"""Vocabularies up to so many terms are said twice in the prompt."""


def vocabulary_prompt(keyterms: Iterable[str]) -> str:
    """The prompt that makes the decoder expect these words; empty for none.

    It ends like a sentence: behind an open list the decoder goes on listing. A short list is said
    twice, which nearly doubled how often its words were taken.
    """
    terms = list(keyterms)
    if not terms:
        return ""
    return ", ".join(terms * 2 if len(terms) <= SAID_TWICE else terms) + "."
