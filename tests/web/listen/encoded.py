"""Sound in the forms that clients send, made while the tests run."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator

import av
import numpy as np
from numpy.typing import NDArray

from callscribe.web.listen.wav import Read

TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)).astype(np.int16)
"""Three seconds at 16 kHz."""


def coded(
    form: str,
    codec: str,
    rate: int = 48_000,
    samples: NDArray[np.int16] = TONE,
    given: int = 16_000,
) -> bytes:
    """Mono samples at the rate ``given`` as a file, by FFmpeg."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = given
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return out.getvalue()


def wav_head(
    tag: int, bits: int, *, rate: int = 16_000, channels: int = 1, length: int = 0
) -> bytes:
    """The head of a WAV file in any form; a ``length`` of 0 is one that is not known yet."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits)
    chunk = b"fmt " + struct.pack("<I", len(form)) + form
    return b"RIFF\xff\xff\xff\xffWAVE" + chunk + b"data" + struct.pack("<I", length)


def cut(data: bytes, size: int) -> list[bytes]:
    """Pieces of so many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def reading(pieces: Iterable[bytes], taken: list[int] | None = None) -> Read:
    """Gives the pieces as they come in, in parts where less is asked for; ``taken`` counts them."""
    waiting: Iterator[bytes] = iter(pieces)
    rest = b""

    def read(size: int) -> bytes:
        nonlocal rest
        if not rest:
            rest = next(waiting, b"")
            if taken is not None:
                taken.append(len(rest))
        piece, rest = rest[:size], rest[size:]
        return piece

    return read
