"""WAV files of raw samples, read while they come.

FFmpeg wants the first 64 KiB of such a file, seconds of speech, before it gives a sample. May
import ``audio`` and the rest of ``web``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from callscribe.audio import Int16Array, Resampler
from callscribe.web.listen.raw import SAMPLE_BYTES, Raw

PIECE: Final = 1 << 14
"""Bytes that are read at once, at most."""

LONGEST_HEAD: Final = 1 << 14
"""Bytes in front of the format; with more, FFmpeg may see what it is."""

MOST_CHANNELS: Final = 32
HIGHEST_RATE: Final = 192_000

UNKNOWN_LENGTH: Final = 0xFFFF_0000
"""From here on a length is what recorders write that do not know it yet; so is 0."""

ENCODINGS: Final = {(1, 16): "linear16", (3, 32): "linear32", (6, 8): "alaw", (7, 8): "mulaw"}
"""By format tag and bits; whatever else there is in WAV files is left to FFmpeg."""

EXTENSIBLE: Final = 0xFFFE
"""The tag of formats that have the real one further down."""

Read = Callable[[int], bytes]
"""Gives up to so many bytes, waits for at least one; none mean that there are no more."""


class Source:
    """What a container is read from. It has no ``seek``, so that FFmpeg does not try."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._kept = b""

    def read(self, size: int) -> bytes:
        """Up to so many bytes, as soon as there are some."""
        if self._kept:
            piece, self._kept = self._kept[:size], self._kept[size:]
            return piece
        return self._read(size)

    def pieces(self, size: int | None) -> Iterator[bytes]:
        """So many bytes (None: all), as they come; fewer only at the end."""
        while (size is None or size) and (data := self.read(min(size or PIECE, PIECE))):
            size = None if size is None else size - len(data)
            yield data

    def exactly(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        return b"".join(self.pieces(size))

    def give_back(self, data: bytes) -> None:
        """Makes this the next to be read."""
        self._kept = data + self._kept


@dataclass(frozen=True, slots=True)
class Form:
    """How the samples of a file are written."""

    encoding: str
    channels: int
    rate: int


def is_plain_wav(source: Source) -> bool:
    """Whether this is a WAV file of raw samples; nothing is taken from the source."""
    seen = source.exactly(4)
    found = False
    if seen == b"RIFF":
        seen += source.exactly(8)
        while seen[8:12] == b"WAVE" and len(seen) < LONGEST_HEAD:
            kind, size = _chunk(head := source.exactly(8))
            body = source.exactly(min(_padded(size), LONGEST_HEAD))
            seen += head + body
            if kind in (b"fmt ", b"data", b""):
                found = kind == b"fmt " and _form(body) is not None
                break
    source.give_back(seen)
    return found


def read_wav(source: Source) -> Iterator[Int16Array]:
    """The sound at ``RATE``, (channels, n); ``ValueError`` where it cannot be read.

    One file may follow another: some clients send a whole one in each frame.
    """
    track: _Track | None = None
    while True:
        kind, size = _chunk(source.exactly(8))
        if kind == b"RIFF":
            source.exactly(4)
        elif kind == b"fmt ":
            form = _form(source.exactly(min(_padded(size), LONGEST_HEAD)))
            if form is None:
                raise ValueError("a WAV file of raw samples goes on in another form")
            if track is None or track.form != form:
                yield from track.rest() if track else ()
                track = _Track(form)
        elif kind == b"data" and track is not None:
            known = 0 < size < UNKNOWN_LENGTH
            yield from map(track.samples, source.pieces(size if known else None))
            source.exactly(size % 2)
        elif not kind:
            break
        else:
            for _ in source.pieces(_padded(size)):
                pass
    yield from track.rest() if track else ()


class _Track:
    """Samples of one form, brought to ``RATE`` channel by channel."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._raw = Raw(form.encoding, form.channels, form.rate)
        self._streams = [Resampler(form.rate) for _ in range(form.channels)]

    def samples(self, data: bytes) -> Int16Array:
        blocks = self._raw.push(data)
        return self._resampled(blocks[0] if blocks else self._nothing())

    def rest(self) -> Iterator[Int16Array]:
        """What the resampler holds."""
        yield self._resampled(self._nothing(), last=True)

    def _nothing(self) -> Int16Array:
        return np.empty((self.form.channels, 0), np.int16)

    def _resampled(self, block: Int16Array, *, last: bool = False) -> Int16Array:
        rows = zip(self._streams, block, strict=True)
        return np.stack([s.push(np.ascontiguousarray(row), last=last) for s, row in rows])


def _chunk(head: bytes) -> tuple[bytes, int]:
    """The name and the length of a part of the file; no name at the end."""
    return (head[:4], int.from_bytes(head[4:], "little")) if len(head) == 8 else (b"", 0)


def _padded(size: int) -> int:
    return size + size % 2


def _form(body: bytes) -> Form | None:
    """The form that a file announces, if it is one of raw samples that are read here."""
    tag, channels, rate, _, width, bits = (
        int.from_bytes(body[at : at + size], "little")
        for at, size in ((0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2))
    )
    if tag == EXTENSIBLE:
        tag = int.from_bytes(body[24:26], "little")
    encoding = ENCODINGS.get((tag, bits))
    if encoding is None or not (1 <= channels <= MOST_CHANNELS and 1000 <= rate <= HIGHEST_RATE):
        return None
    return Form(encoding, channels, rate) if width == channels * SAMPLE_BYTES[encoding] else None
