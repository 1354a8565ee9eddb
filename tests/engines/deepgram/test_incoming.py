"""What Deepgram sends, over real sockets: what is told of it, and what its end leaves to say."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from tests.engines.deepgram.test_connection import Ear, ear, opened, until
from tests.engines.deepgram.upstream import FINAL, METADATA, swallow, upstream

__all__ = ["ear"]

pytestmark = pytest.mark.anyio

SPEECH_STARTED = json.dumps({"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.1})


async def test_of_interims_that_come_together_the_last_is_told(ear: Ear) -> None:
    def interim(word: str) -> str:
        return FINAL.replace('"is_final": true', '"is_final": false').replace("oui", word)

    async def in_bursts(connection: ServerConnection) -> None:
        for burst in (
            [interim("a"), interim("b"), interim("c")],
            [interim("d"), FINAL],
            [interim("e"), SPEECH_STARTED, interim("f"), interim("g"), FINAL, interim("h")],
        ):
            await connection.recv()
            frames = [Frame(Opcode.TEXT, text.encode()) for text in burst]
            connection.transport.write(b"".join(f.serialize(mask=False) for f in frames))
        await swallow(connection)

    async with upstream(in_bursts) as address:
        connection = await opened(address, ear)
        for told in (["c"], ["c", "oui"], ["c", "oui", "e", "oui", "h"]):
            await connection.send_audio(bytes(3200))
            await until(lambda told=told: len(ear.results) >= len(told))
            assert [r.text for r in ear.results] == told
        await connection.abandon()


async def test_garbled_messages_are_counted_and_passed_over(ear: Ear) -> None:
    async def garble(connection: ServerConnection) -> None:
        await connection.recv()
        for frame in ("{", '{"type": "Results"}', '{"type": "Aurora"}', b"\x00"):
            await connection.send(frame)
        await connection.send('{"type": "SpeechStarted", "channel": [0, 1], "timestamp": 1.5}')
        await swallow(connection)

    async with upstream(garble) as address:
        connection = await opened(address, ear)
        await connection.send_audio(bytes(640))
        await until(lambda: ear.events)
        assert connection.garbled == 4
        task = asyncio.create_task(connection.close())
        await asyncio.sleep(0.05)
        task.cancel()


async def test_audio_that_could_not_be_read_is_said_at_the_end(ear: Ear) -> None:
    async def deaf(connection: ServerConnection) -> None:
        async for frame in connection:
            if frame == '{"type":"CloseStream"}':
                await connection.send(
                    '{"type": "Metadata", "request_id": "r", "sha256": "x", "created": "", '
                    '"duration": 0.0, "channels": 0}'
                )
                return

    async with upstream(deaf) as address:
        connection = await opened(address, ear)
        await connection.send_audio(bytes(64_000))
        await connection.close()
    assert ear.lost == ["deepgram_bad_audio"]


@pytest.mark.parametrize("metadata", [True, False])
async def test_an_end_without_metadata_is_noted_and_keeps_the_finals(
    ear: Ear, metadata: bool
) -> None:
    async def end(connection: ServerConnection) -> None:
        async for frame in connection:
            if frame == '{"type":"CloseStream"}':
                await connection.send(FINAL)
                if metadata:
                    await connection.send(METADATA)
                return

    async with upstream(end) as address:
        with capture_logs() as logs:
            connection = await opened(address, ear)
            await connection.send_audio(bytes(640))
            await connection.close()
    assert connection.metadata_missing is not metadata
    assert [line["event"] for line in logs].count("deepgram_no_metadata") == (not metadata)
    assert ear.text == "oui"
    assert not ear.lost


async def test_an_interim_that_is_held_back_at_the_end_is_told_before_that_is(ear: Ear) -> None:
    async def shown_and_gone(connection: ServerConnection) -> None:
        await connection.recv()
        interim = FINAL.replace('"is_final": true', '"is_final": false')
        frames = [Frame(Opcode.TEXT, interim.encode()), Frame(Opcode.CLOSE, b"\x03\xf3")]  # 1011
        connection.transport.write(b"".join(f.serialize(mask=False) for f in frames))
        await swallow(connection)

    async with upstream(shown_and_gone) as address:
        connection = await opened(address, ear)
        await connection.send_audio(bytes(640))
        await until(lambda: ear.lost)
        assert [type(event).__name__ for event in ear.events] == ["Result", "Lost"]
        await connection.close()
