"""Sound out of a container that is read while it comes: it need not be complete, or ever end.

FFmpeg reads what ``wav.py`` does not. All of it blocks: call it in a thread. May import ``audio``,
``media`` and the rest of ``web``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer

from callscribe.audio import RATE, Int16Array
from callscribe.media import OPTIONS
from callscribe.web.listen.wav import Read, Source, is_plain_wav, read_wav

PROBING: Final = {
    # So much is looked at, at most, before bytes are said to be no audio.
    "formatprobesize": str(1 << 16),
    "probesize": str(1 << 16),
    # And no more than it takes to know the codec: the first words would have to wait.
    "analyzeduration": "1",
    "fpsprobesize": "0",
}


def decode(read: Read) -> Iterator[Int16Array]:
    """The sound at ``RATE``, each block (channels, n).

    What is no audio raises what FFmpeg raises, ``ValueError``, ``IndexError`` or ``OSError``.
    """
    source = Source(read)
    if is_plain_wav(source):
        yield from read_wav(source)
    else:
        yield from _read_any(source)


def _read_any(source: Source) -> Iterator[Int16Array]:
    resampler = av.AudioResampler(format="s16p", rate=RATE)
    options = OPTIONS | PROBING
    with av.open(source, "r", options=options, metadata_errors="replace") as container:
        for frame in _frames(container):
            frame.pts = None  # the resampler is to count samples, not to mind gaps
            yield from (_samples(part) for part in resampler.resample(frame))
    yield from (_samples(part) for part in resampler.resample(None))


def _samples(frame: AudioFrame) -> Int16Array:
    return np.asarray(frame.to_ndarray(), np.int16)


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Decoded frames; damaged packets are passed over as long as most are good."""
    good = bad = 0
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            if bad > 3 + good // 20:
                raise
            continue
        good += 1
        yield from frames
