"""A recording that is sent to ``POST /v1/listen``, kept in a file while it is transcribed.

May import ``audio``, ``errors``, ``media`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.requests import ClientDisconnect, Request

from callscribe.audio import RATE, FloatArray, Int16Array, Resampler, to_float
from callscribe.errors import AudioError, MediaError
from callscribe.web.listen.fetching import fetched
from callscribe.web.listen.plan import Plan
from callscribe.web.listen.raw import SAMPLE_BYTES, Raw

if TYPE_CHECKING:
    from callscribe.media import Media

PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording on disk; ``media`` is None for raw samples."""

    path: Path
    sha256: str
    media: Media | None
    plan: Plan

    @property
    def channels(self) -> int:
        """The channels that the recording has."""
        return self.plan.source_channels if self.media is None else self.media.channels

    async def blocks(self, channel: int | None) -> AsyncIterator[FloatArray]:
        """One channel (None: the mean of all) at 16 kHz, -1 to 1, read in a thread."""
        source = self._source(channel)
        while (block := await asyncio.to_thread(next, source, None)) is not None:
            yield block

    def _source(self, channel: int | None) -> Iterator[FloatArray]:
        pieces = self._raw() if self.media is None else self._decoded(self.media)
        for samples in pieces:
            one = samples.mean(axis=0, dtype=np.float32) if channel is None else samples[channel]
            yield to_float(np.asarray(one, np.int16))

    def _decoded(self, media: Media) -> Iterator[Int16Array]:
        try:
            yield from media.blocks(rate=RATE)
        except MediaError as error:
            if error.code != "truncated_media":  # what is there is transcribed
                raise

    def _raw(self) -> Iterator[Int16Array]:
        encoding = self.plan.query.encoding or ""
        reader = Raw(encoding, self.channels, self.plan.sample_rate)
        streams = [Resampler(self.plan.sample_rate) for _ in range(self.channels)]
        with self.path.open("rb") as file:
            while data := file.read(PIECE):
                for samples in reader.push(data):
                    yield np.stack(
                        [
                            stream.push(np.ascontiguousarray(row))
                            for stream, row in zip(streams, samples, strict=True)
                        ]
                    )
        nothing = np.empty(0, np.int16)
        yield np.stack([stream.push(nothing, last=True) for stream in streams])


@asynccontextmanager
async def received(
    request: Request, plan: Plan, hosts: Sequence[str] = ()
) -> AsyncIterator[Upload]:
    """The request's body as a recording; the file is gone afterwards.

    Where the body is an address, the recording is fetched if its host is one of ``hosts``.
    ``AudioError`` for what is no audio, ``ConfigurationError`` for an address that is not allowed.
    """
    with tempfile.TemporaryDirectory(prefix="callscribe-") as folder:
        path = Path(folder) / "recording"
        try:
            digest = await _kept(request.stream(), path)
        except ClientDisconnect:
            raise AudioError("the upload broke off") from None
        address = await asyncio.to_thread(_address, path)
        if address is not None:
            digest = await _kept(fetched(address, hosts), path)
        if plan.query.encoding in SAMPLE_BYTES and not await asyncio.to_thread(_has_head, path):
            media = None
        else:
            media = await asyncio.to_thread(_opened, path)
        yield Upload(path, digest, media, plan)


async def _kept(pieces: AsyncIterable[bytes], path: Path) -> str:
    """Writes what comes into a file; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        async for piece in pieces:
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return digest.hexdigest()


def _opened(path: Path) -> Media:
    from callscribe.media import open_media  # here, in a thread: not all servers are sent files

    try:
        return open_media(path)
    except MediaError as error:
        # The client does not know the file by the name that it has here.
        raise AudioError(error.message.replace(str(path), "the recording")) from None


def _has_head(path: Path) -> bool:
    """Whether a recording is a WAV file although raw samples were announced."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def _address(path: Path) -> str | None:
    """The address that was sent instead of a recording; None for a recording."""
    size = path.stat().st_size
    if not size:
        raise AudioError("the request has no body; send the recording as the body")
    if size > PIECE:
        return None
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return str(body["url"]) if isinstance(body, dict) and "url" in body else None
