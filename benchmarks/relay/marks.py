"""How a result is recognised on its way: the leg in the audio, the mark in the transcript.

The first 16 samples of a leg's audio carry its number in their signs, which survive mu-law and its
way to 16-bit PCM. The sink reads it there and writes ``l<leg> m<ms> r<ns>`` into what it has
"heard": which leg, up to which millisecond of audio, and when that audio was there
(CLOCK_MONOTONIC, which all processes of a machine share). A final has an ``f`` behind it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BITS: Final = 16
"""Samples that carry a leg's number."""

_MARK: Final = re.compile(rb"l(\d+) m(\d+) r(\d+)(f?)")
_MINUS, _PLUS = 0x00, 0x80
"""The loudest samples of either sign in mu-law."""


class Mark(NamedTuple):
    """What a result says about itself."""

    leg: int
    ms: int
    sent_ns: int
    final: bool = False


def write(leg: int, ms: int, sent_ns: int, *, final: bool) -> bytes:
    """The mark for a transcript."""
    return b"l%d m%d r%d%s" % (leg, ms, sent_ns, b"f" if final else b"")


def find(text: bytes) -> Mark | None:
    """The latest mark in what a gateway tells; None where it has none.

    A gateway may tell an utterance as a whole, with the marks of its earlier parts in front.
    """
    at, latest = 0, None
    while found := _MARK.search(text, at):
        at, latest = found.end(), found
    if latest is None:
        return None
    leg, ms, sent_ns, final = latest.groups()
    return Mark(int(leg), int(ms), int(sent_ns), bool(final))


def sign(leg: int, frame: bytes) -> bytes:
    """A mu-law frame whose first samples carry the number of the leg."""
    signs = bytes(_MINUS if leg >> bit & 1 else _PLUS for bit in range(BITS))
    return signs + frame[BITS:]


def leg_of(audio: bytes | memoryview, width: int) -> int:
    """The number in the first samples; ``width`` is 1 for mu-law, 2 for 16-bit PCM."""
    if width == 1:
        minus = [audio[bit] < _PLUS for bit in range(BITS)]
    else:
        minus = [audio[2 * bit + 1] >= _PLUS for bit in range(BITS)]
    return sum(1 << bit for bit in range(BITS) if minus[bit])
