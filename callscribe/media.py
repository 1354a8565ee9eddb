"""Sound out of any audio or video file, block by block; a file is never in memory as a whole.

May import ``errors``. All of it blocks: call it in a thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from callscribe.errors import MediaError

Int16Array = NDArray[np.int16]

EXACT = {"wav", "w64", "flac", "aiff", "au", "caf", "mov,mp4,m4a,3gp,3g2,mj2"}
"""Containers that know their own length, so that one which breaks off is noticed."""

OPTIONS = {
    # A file is only ever that file: no play list may make the decoder open others, or the network.
    "protocol_whitelist": "file",
    "format_whitelist": (
        "wav,w64,flac,mp3,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,ac3,eac3,aiff,amr,ape,asf,"
        "au,avi,caf,dts,flv,gsm,mpeg,mpegts,rm,tta,voc,wv"
    ),
}

LONGEST_GAP = 600.0
"""Seconds of silence that a file's own time stamps may ask for at once; more is nonsense."""

LEAST_GAP = 0.2
"""A gap in the time stamps from which silence is put in, seconds; less is jitter."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file with sound. ``duration`` in seconds (None: the file does not say), rate in Hz."""

    path: Path
    duration: float | None
    channels: int
    sample_rate: int
    codec: str
    container: str

    def blocks(self, *, rate: int | None = None, seconds: float = 1.0) -> Iterator[Int16Array]:
        """The sound as arrays of shape (channels, samples), each ``seconds`` long but the last.

        ``rate`` resamples (Hz). Pauses in the file's time stamps come as silence, so that times
        are those of the file. ``MediaError`` where the file is damaged; with the code
        ``truncated_media``, after all that is there, where it breaks off.
        """
        rate = rate or self.sample_rate
        size = max(1, round(seconds * rate))
        kept: list[Int16Array] = []
        count = total = 0
        for piece in self._pieces(rate):
            kept.append(piece)
            count += piece.shape[1]
            total += piece.shape[1]
            if count >= size:
                joined = np.concatenate(kept, axis=1)
                whole = count - count % size
                for start in range(0, whole, size):
                    yield np.ascontiguousarray(joined[:, start : start + size])
                kept, count = [joined[:, whole:]], count - whole
        if count:
            yield np.ascontiguousarray(np.concatenate(kept, axis=1))
        self._check_length(total / rate)

    def has_separate_speakers(self, *, seconds: float = 600.0) -> bool:
        """True if there are two channels with a different voice on each (not stereo, not a copy).

        Looks at ``seconds`` of the file at most. A channel that stays silent is no speaker.
        """
        if self.channels != 2:
            return False
        left = right = both = 0.0
        try:
            for block in islice(self.blocks(rate=8000), math.ceil(seconds)):
                a, b = block.astype(np.float64)
                left, right, both = left + a @ a, right + b @ b, both + a @ b
        except MediaError as error:
            if error.code != "truncated_media":  # what is there can be judged all the same
                raise
        if min(left, right) <= 1e-4 * max(left, right):
            return False
        return bool(abs(both) < 0.5 * np.sqrt(left * right))

    def _pieces(self, rate: int) -> Iterator[Int16Array]:
        """What the decoder gives, resampled, with silence where time stamps jump."""
        written = 0
        with _opened(self.path) as (container, stream):
            origin = (container.start_time or 0) / av.time_base
            resampler = av.AudioResampler(format="s16p", rate=rate)
            for frame in _frames(self.path, container, stream):
                if frame.time is not None:
                    gap = frame.time - origin - written / rate
                    if LEAST_GAP < gap <= LONGEST_GAP:
                        silence = np.zeros((self.channels, round(gap * rate)), np.int16)
                        written += silence.shape[1]
                        yield silence
                frame.pts = None  # the resampler is to count samples, not to mind the gaps
                for part in resampler.resample(frame):
                    written += part.samples
                    yield self._array(part)
            for part in resampler.resample(None):
                yield self._array(part)

    def _array(self, frame: AudioFrame) -> Int16Array:
        samples = np.asarray(frame.to_ndarray(), np.int16)
        if samples.shape[0] != self.channels:
            raise MediaError(
                f"{self.path} changes from {self.channels} to {samples.shape[0]} channels midway; "
                "convert it to one form first"
            )
        return samples

    def _check_length(self, seconds: float) -> None:
        if self.container not in EXACT or self.duration is None:
            return
        if seconds < self.duration - max(0.5, 0.01 * self.duration):
            raise MediaError(
                f"{self.path} breaks off: {seconds:.1f} s of {self.duration:.1f} s are there; "
                "copy the file again",
                code="truncated_media",
            )


def open_media(path: Path | str) -> Media:
    """Looks into a file; ``MediaError`` says why its sound cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"there is no file {path}" if not path.exists() else f"{path} is no file")
    if not path.stat().st_size:
        raise MediaError(f"{path} is empty (0 bytes)")
    with _opened(path) as (container, stream):
        duration = _duration(container, stream)
        if container.format.name == "wav":
            duration = max(duration, _announced(path, stream))
        return Media(
            path=path,
            duration=duration if duration > 0 else None,
            channels=stream.codec_context.channels,
            sample_rate=stream.codec_context.sample_rate,
            codec=stream.codec_context.name,
            container=container.format.name,
        )


def select(block: Int16Array, channel: int | None) -> Int16Array:
    """One channel of a block, or with None the mean of all of them."""
    mixed = channel is None and len(block) > 1
    samples = block.mean(axis=0, dtype=np.float32) if mixed else block[channel or 0]
    return np.asarray(samples, np.int16)


def _duration(container: InputContainer, stream: AudioStream) -> float:
    """The sound's length in seconds as the file has it, 0.0 where it does not."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _announced(path: Path, stream: AudioStream) -> float:
    """The length that the head of a WAV file speaks of, where the file is shorter; else 0.0.

    The decoder goes by the file's size instead, so a recording that breaks off looks whole.
    """
    with path.open("rb") as file:
        size = 8 + int.from_bytes(file.read(8)[4:], "little")
    unknown = size > 0xFFFF_0000  # what recorders write that do not come back to the head
    if unknown or path.stat().st_size >= size or not stream.bit_rate:
        return 0.0
    return (size - 44) * 8 / stream.bit_rate


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    try:
        # An absolute path: a name such as "concat:x" must not be taken for a protocol.
        container = av.open(str(path.resolve()), options=OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} is no audio or video file that can be read ({_reason(error)})"
        ) from error
    with container:
        if not container.streams.audio:
            raise MediaError(f"{path} has no sound: there is no audio track in it")
        stream = container.streams.audio[0]
        if not stream.codec_context or not stream.codec_context.sample_rate:
            raise MediaError(f"{path} has an audio track that cannot be read (unknown codec)")
        yield container, stream


def _frames(path: Path, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Decoded frames; a damaged packet here and there is passed over, as players do."""
    packets = damaged = 0
    try:
        for packet in container.demux(stream):
            packets += 1
            try:
                yield from packet.decode()
            except av.error.InvalidDataError as error:
                damaged += 1
                if damaged > 3 + packets // 20:
                    raise MediaError(
                        f"{path} is damaged: {damaged} of its first {packets} packets cannot be "
                        "decoded; copy or convert the file again"
                    ) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be decoded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split(":", 1)[0]
