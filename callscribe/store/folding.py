"""Words as they are searched for: without case, accents and signs. Pure; imports nothing of ours.

Both databases see only what comes out of here, letters and digits with single spaces between them,
so that both find the same, and nothing a person types can mean anything but itself.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST_WORD: Final = 64
"""Characters of a word that count: an index takes no longer ones."""

LONGEST_TEXT: Final = 200_000
"""Characters of a text that are found again: an index takes no longer ones."""

_SPELLED: Final = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
"""Letters that Unicode does not take apart, although people type them otherwise."""

_NO_SPACES: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Japanese syllables
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts without spaces between words: each sign is a word of its own."""


class _Table(dict[int, str]):
    """What becomes of each character; remembered once it has been met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kind = unicodedata.category(letter)
        if kind in ("Mn", "Me"):
            found = ""
        elif kind[0] not in "LNM":
            found = " "
        elif any(first <= code <= last for first, last in _NO_SPACES):
            found = f" {letter} "
        else:
            found = _SPELLED.get(letter, letter)
        self[code] = found
        return found


_TABLE: Final = _Table()


def words(text: str) -> list[str]:
    """The words of a text, or of what is searched for in texts."""
    apart = unicodedata.normalize("NFKD", text[:LONGEST_TEXT].casefold()).casefold()
    return [word[:LONGEST_WORD] for word in apart.translate(_TABLE).split()]


def fold(text: str) -> str:
    """The words of a text with a space between them, as the store keeps them for search."""
    return " ".join(words(text))[:LONGEST_TEXT].rstrip()
