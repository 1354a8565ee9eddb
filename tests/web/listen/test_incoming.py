"""Which reader a query gets; what is read where it comes in."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable

import av
import numpy as np
import pytest

from callscribe.audio import Int16Array
from callscribe.errors import AudioError
from callscribe.web.listen.container import Container
from callscribe.web.listen.incoming import Incoming, open_incoming
from callscribe.web.listen.plan import make_plan
from callscribe.wire.deepgram_query import ListenQuery
from tests.web.listen.encoded import TONE, coded, cut

pytestmark = pytest.mark.anyio


def incoming(blocks: list[Int16Array], **query: object) -> Incoming:
    async def deliver(block: Int16Array) -> None:
        blocks.append(block)

    plan = make_plan(ListenQuery(**query), streaming=True)  # type: ignore[arg-type]
    return open_incoming(plan, deliver)


async def heard(pieces: Iterable[bytes], **query: object) -> Int16Array:
    blocks: list[Int16Array] = []
    stream = incoming(blocks, **query)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream.carry())
        for piece in pieces:
            await stream.push(piece)
        await stream.settle()
        await stream.finish()
    stream.close()
    return np.concatenate(blocks, axis=1)


async def test_raw_samples() -> None:
    both = np.stack([TONE, -TONE], axis=1).astype("<i2").tobytes()
    query = {"encoding": "linear16", "sample_rate": 8000, "channels": 2}
    assert incoming([], **query).rate == 8000
    assert np.array_equal(await heard(cut(both, 999), **query), np.stack([TONE, -TONE]))


async def test_opus_packets() -> None:
    with av.open(io.BytesIO(coded("ogg", "libopus"))) as source:
        packets = [bytes(packet) for packet in source.demux(audio=0) if packet.size]
    pieces = [*packets[:5], b"\xff", *packets[5:]]
    found = await heard(pieces, encoding="opus", sample_rate=48_000)
    assert found.shape[1] == pytest.approx(len(TONE), abs=2000)


async def test_packets_that_are_none() -> None:
    stream = incoming([], encoding="opus", sample_rate=48_000)
    for _ in range(3):
        await stream.push(b"\xff\xff\xff\xff")
    with pytest.raises(AudioError):
        await stream.push(b"\xff\xff\xff\xff")


@pytest.mark.parametrize(
    ("encoding", "form", "codec"),
    [("ogg-opus", "ogg", "libopus"), ("flac", "flac", "flac"), (None, "webm", "libopus")],
)
async def test_containers(encoding: str | None, form: str, codec: str) -> None:
    query = {"encoding": encoding, "sample_rate": 48_000 if encoding else None}
    assert isinstance(incoming([], **query), Container)
    found = await heard(cut(coded(form, codec), 1000), **query)
    assert found.shape[1] == pytest.approx(len(TONE), abs=2500)
