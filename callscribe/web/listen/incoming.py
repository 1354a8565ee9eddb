"""The audio that a client sends, whatever its form, as 16-bit samples by channel.

Raw encodings are read where they come in. Containers and compressed packets go through FFmpeg in a
thread of their own, which reads them as a stream: a recording need not be complete, or ever end.
May import ``errors``, ``audio`` and ``wire``.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from typing import Final, Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.container import InputContainer

from callscribe.audio import RATE, Int16Array
from callscribe.errors import AudioError
from callscribe.media import OPTIONS
from callscribe.web.listen.plan import Plan
from callscribe.wire.g711 import alaw_to_samples, mulaw_to_samples

SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}

PROBING: Final = {"formatprobesize": str(1 << 16), "probesize": str(1 << 16)}
"""So much is looked at, at most, before bytes are said to be no audio."""


class Incoming(Protocol):
    """One stream of audio on its way in."""

    @property
    def rate(self) -> int:
        """Samples per second of what comes out."""
        ...

    def push(self, data: bytes) -> list[Int16Array]:
        """The next bytes; gives what could be read of them, each (channels, n)."""
        ...

    def finish(self) -> list[Int16Array]:
        """No more bytes come; gives the rest. May block: call it in a thread."""
        ...

    def close(self) -> None:
        """Lets go of what is held; for streams that are given up."""
        ...


def open_incoming(plan: Plan) -> Incoming:
    """The reader for what the query announces."""
    encoding = plan.query.encoding
    if encoding in SAMPLE_BYTES:
        return Raw(encoding, plan.source_channels, plan.sample_rate)
    if encoding == "opus":
        return Packets("libopus", plan.source_channels)
    return Container()


class Raw:
    """Samples as they are; a sample that is cut in two by a frame's end waits for its rest."""

    def __init__(self, encoding: str, channels: int, rate: int) -> None:
        self.rate = rate
        self._encoding = encoding
        self._channels = channels
        self._size = SAMPLE_BYTES[encoding] * channels
        self._rest = b""

    def push(self, data: bytes) -> list[Int16Array]:
        """The next bytes."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        return [self._samples(data[:whole])] if whole else []

    def finish(self) -> list[Int16Array]:
        """Half a sample at the end is nothing."""
        return []

    def close(self) -> None:
        """Nothing is held."""

    def _samples(self, data: bytes) -> Int16Array:
        if self._encoding == "linear16":
            flat = np.frombuffer(data, "<i2")
        elif self._encoding == "linear32":
            wide = np.nan_to_num(np.frombuffer(data, "<f4"), posinf=1.0, neginf=-1.0)
            flat = (np.clip(wide, -1.0, 1.0) * 32767).astype(np.int16)
        elif self._encoding == "mulaw":
            flat = mulaw_to_samples(data)
        else:
            flat = alaw_to_samples(data)
        return flat.reshape(-1, self._channels).T


class Packets:
    """Compressed packets, one in each frame."""

    rate = RATE

    def __init__(self, codec: str, channels: int) -> None:
        context = av.CodecContext.create(codec, "r")
        assert isinstance(context, AudioCodecContext)  # noqa: S101 - the name is ours
        context.sample_rate = 48_000
        context.layout = "stereo" if channels == 2 else "mono"
        self._context = context
        self._resampler = av.AudioResampler(format="s16p", rate=RATE)
        self._read = self._bad = 0

    def push(self, data: bytes) -> list[Int16Array]:
        """The next packet; one that is damaged is passed over, as players do."""
        try:
            frames = self._context.decode(av.Packet(data))
        except av.error.FFmpegError:
            self._bad += 1
            if self._bad > 3 + self._read // 20:
                raise _undecodable() from None
            return []
        self._read += 1
        out = [part for frame in frames for part in self._resampler.resample(frame)]
        return [np.asarray(part.to_ndarray(), np.int16) for part in out]

    def finish(self) -> list[Int16Array]:
        """What the resampler still holds."""
        if not self._read:
            return []
        return [np.asarray(p.to_ndarray(), np.int16) for p in self._resampler.resample(None)]

    def close(self) -> None:
        """Nothing is held."""


class Container:
    """A recording with a head of its own, read while it comes."""

    rate = RATE

    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._out: queue.SimpleQueue[Int16Array] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._decode, name="listen-decode", daemon=True)
        self._thread.start()

    def push(self, data: bytes) -> list[Int16Array]:
        """The next bytes; what has been decoded by now. ``AudioError`` when they are no audio."""
        self._pipe.put(data)
        self._check()
        return self._ready()

    def finish(self) -> list[Int16Array]:
        """Waits for the rest; the file's end ends the decoder. Blocks: call it in a thread."""
        self._pipe.put(b"")
        self._thread.join(30)
        self._check()
        return self._ready()

    def close(self) -> None:
        """Ends the decoder's thread."""
        self._pipe.put(b"")

    def _ready(self) -> list[Int16Array]:
        found = []
        while True:
            try:
                found.append(self._out.get_nowait())
            except queue.Empty:
                return found

    def _check(self) -> None:
        if self._error is not None:
            raise _undecodable() from self._error

    def _decode(self) -> None:
        resampler = av.AudioResampler(format="s16p", rate=RATE)
        try:
            options = OPTIONS | PROBING
            with av.open(self._pipe, "r", options=options, metadata_errors="replace") as source:
                for frame in _frames(source):
                    self._put(resampler, frame)
            self._put(resampler, None)
        except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
            if not self._pipe.empty_handed:
                self._error = error

    def _put(self, resampler: av.AudioResampler, frame: AudioFrame | None) -> None:
        if frame is not None:
            frame.pts = None  # the resampler is to count samples, not to mind gaps
        for part in resampler.resample(frame):
            self._out.put(np.asarray(part.to_ndarray(), np.int16))


def _frames(source: InputContainer) -> Iterator[AudioFrame]:
    """Decoded frames; damaged packets are passed over as long as most are good."""
    good = bad = 0
    for packet in source.demux(source.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            if bad > 3 + good // 20:
                raise
            continue
        good += 1
        yield from frames


class _Pipe(io.RawIOBase):
    """What FFmpeg reads from: waits for bytes until an empty piece says that there are no more."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""
        self._ended = False
        self.empty_handed = True
        """Nothing ever came."""

    def put(self, data: bytes) -> None:
        if data:
            self.empty_handed = False
        self._pieces.put(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest and not self._ended:
            self._rest = self._pieces.get()
            self._ended = not self._rest
        if size < 0:
            size = len(self._rest)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _undecodable() -> AudioError:
    return AudioError(
        "the audio cannot be decoded: send a container such as WAV or Ogg without encoding, or "
        "raw audio with encoding and sample_rate",
        code="undecodable",
    )
