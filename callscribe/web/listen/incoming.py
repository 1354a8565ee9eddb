"""The audio that a client sends, whatever its form, as 16-bit samples by channel.

Raw samples and compressed packets are read where they come in, containers in a thread of their own
(``container.py``). May import ``audio`` and the rest of ``web``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from callscribe.audio import RATE, Int16Array
from callscribe.web.listen.container import Container, Deliver, undecodable
from callscribe.web.listen.plan import Plan
from callscribe.web.listen.raw import SAMPLE_BYTES, Raw


class Incoming(Protocol):
    """One stream of audio on its way in; one task pushes, settles and finishes, another carries."""

    @property
    def rate(self) -> int:
        """Samples per second of what comes out."""
        ...

    async def carry(self) -> None:
        """Delivers what is not read within ``push``, until all is delivered.

        ``AudioError`` when it is no audio.
        """
        ...

    async def push(self, data: bytes) -> None:
        """The next bytes; waits while too much of them waits. ``AudioError`` as above."""
        ...

    async def settle(self) -> None:
        """Waits, within bounds, until what can be read of all that was pushed is delivered."""
        ...

    async def finish(self) -> None:
        """No more bytes come; waits until the rest is delivered."""
        ...

    def close(self) -> None:
        """Lets go of what is held; for streams that are given up, too."""
        ...


def open_incoming(plan: Plan, deliver: Deliver) -> Incoming:
    """The reader for what the query announces; to be called on the event loop."""
    encoding = plan.query.encoding
    if encoding in SAMPLE_BYTES:
        return Direct(Raw(encoding, plan.source_channels, plan.sample_rate), deliver)
    if encoding == "opus":
        return Direct(Packets("libopus", plan.source_channels), deliver)
    return Container(deliver)


class Reader(Protocol):
    """What turns bytes into samples at once."""

    rate: int

    def push(self, data: bytes) -> list[Int16Array]:
        """What could be read, each (channels, n)."""
        ...

    def finish(self) -> list[Int16Array]:
        """The rest."""
        ...


class Direct:
    """Audio that is read where it comes in: nothing waits, and nothing is to be carried."""

    def __init__(self, reader: Reader, deliver: Deliver) -> None:
        self.rate = reader.rate
        self._reader = reader
        self._deliver = deliver

    async def carry(self) -> None:
        """Nothing is left to carry."""

    async def push(self, data: bytes) -> None:
        """The next bytes, delivered."""
        for block in self._reader.push(data):
            await self._deliver(block)

    async def settle(self) -> None:
        """All is delivered already."""

    async def finish(self) -> None:
        """Delivers what the reader still holds."""
        for block in self._reader.finish():
            await self._deliver(block)

    def close(self) -> None:
        """Nothing is held."""


class Packets:
    """Compressed packets, one in each frame."""

    def __init__(self, codec: str, channels: int) -> None:
        import av  # loaded by ``web.lifetime`` behind the first answer
        from av.audio.codeccontext import AudioCodecContext

        self.rate = RATE
        self._av = av
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
            frames = self._context.decode(self._av.Packet(data))
        except self._av.error.FFmpegError:
            self._bad += 1
            if self._bad > 3 + self._read // 20:
                raise undecodable() from None
            return []
        self._read += 1
        out = [part for frame in frames for part in self._resampler.resample(frame)]
        return [np.asarray(part.to_ndarray(), np.int16) for part in out]

    def finish(self) -> list[Int16Array]:
        """What the resampler still holds."""
        if not self._read:
            return []
        return [np.asarray(p.to_ndarray(), np.int16) for p in self._resampler.resample(None)]
