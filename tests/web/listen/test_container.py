"""The loop's side of a decoder: in order, at once, bounded, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest

from callscribe.audio import Int16Array
from callscribe.errors import AudioError
from callscribe.web.listen import container as container_module
from callscribe.web.listen.container import Container
from callscribe.web.listen.decoder import MOST_BYTES, MOST_SAMPLES
from tests.web.listen.conftest import wav
from tests.web.listen.encoded import TONE, coded, cut, wav_head

pytestmark = pytest.mark.anyio


class Listener:
    """Takes what is delivered; can be told to wait with it."""

    def __init__(self) -> None:
        self.blocks: list[Int16Array] = []
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, block: Int16Array) -> None:
        await self.free.wait()
        self.blocks.append(block)

    @property
    def heard(self) -> Int16Array:
        return np.concatenate(self.blocks, axis=1)[0]


@contextlib.asynccontextmanager
async def carried(listener: Listener) -> AsyncIterator[Container]:
    """A container whose sound is carried; afterwards neither its task nor its thread is there."""
    container = Container(listener)
    try:
        async with asyncio.TaskGroup() as tasks:
            carrying = tasks.create_task(container.carry())
            yield container
            carrying.cancel()
    finally:
        container.close()
    async with asyncio.timeout(10):
        while any(thread.name == "listen-decode" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_one_piece_is_delivered_without_another() -> None:
    listener = Listener()
    async with carried(listener) as container:
        await container.push(wav(16_000, TONE[None]))
        await container.settle()
        assert np.array_equal(listener.heard, TONE)


async def test_what_cannot_be_decoded_yet_is_not_waited_for() -> None:
    data = coded("flac", "flac", 16_000)
    listener = Listener()
    async with carried(listener) as container:
        await container.push(data[: len(data) * 2 // 3])
        await container.settle()
        early = len(listener.heard)
        assert 8_000 < early < 30_000  # FLAC's decoder looks ahead
        await container.push(data[len(data) * 2 // 3 :])
        await container.finish()
        assert np.array_equal(listener.heard, TONE)


async def test_settling_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_module, "SETTLING", 0.05)
    listener = Listener()
    listener.free.clear()
    async with carried(listener) as container:
        await container.push(wav(16_000, TONE[None]))
        await container.settle()
        assert not listener.blocks
        listener.free.set()
        await container.settle()
        assert np.array_equal(listener.heard, TONE)


async def test_who_sends_waits_for_who_listens() -> None:
    listener = Listener()
    listener.free.clear()
    piece = bytes(100_000)
    sent = 0

    async def send(container: Container) -> None:
        nonlocal sent
        await container.push(wav_head(1, 16))
        for _ in range(80):
            sent += len(piece)
            await container.push(piece)
        await container.finish()

    async with carried(listener) as container, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send(container))
        await asyncio.sleep(0.5)
        assert not sending.done()
        assert sent < 2 * (2 * MOST_SAMPLES + MOST_BYTES)
        listener.free.set()
        await sending
        assert len(listener.heard) == sent // 2 == 80 * len(piece) // 2


async def test_the_order_is_kept_and_the_end_is_waited_for() -> None:
    listener = Listener()
    async with carried(listener) as container:
        for piece in cut(wav(16_000, TONE[None]), 333):
            await container.push(piece)
        await container.finish()
        assert np.array_equal(listener.heard, TONE)


async def test_what_is_no_audio_is_said_without_another_piece() -> None:
    container = Container(Listener())
    carrying = asyncio.create_task(container.carry())
    await container.push(b"words, words " * 8000)
    with pytest.raises(AudioError) as caught:
        await asyncio.wait_for(carrying, 10)
    assert caught.value.code == "undecodable"
    await container.push(b"more words")  # lets go of what nobody reads, and does not wait
    await container.settle()
    container.close()


async def test_too_little_to_be_audio_is_said_at_the_end() -> None:
    container = Container(Listener())
    carrying = asyncio.create_task(container.carry())
    await container.push(b"words")
    await container.settle()
    assert not carrying.done()
    await container.finish()
    with pytest.raises(AudioError):
        await carrying


async def test_nothing_at_all_is_no_error() -> None:
    listener = Listener()
    async with carried(listener) as container:
        await container.settle()
        await container.finish()
    assert not listener.blocks


async def test_giving_up_in_the_middle_leaves_nothing() -> None:
    listener = Listener()
    listener.free.clear()
    async with carried(listener) as container:
        await container.push(wav_head(1, 16) + bytes(1_500_000))
        await asyncio.sleep(0.05)
    assert not listener.blocks


async def test_a_decoder_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_module, "STALLED", 0.05)
    container = Container(Listener())
    monkeypatch.setattr(container._decoder, "end", lambda: None)  # it does not hear of the end
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(container.carry())
        await container.push(wav(16_000, TONE[None]))
        await container.finish()
    container.close()
