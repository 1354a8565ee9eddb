"""A server that speaks Deepgram's protocol and recognises nothing: shows what a client costs.

    python -m benchmarks.sink

Prints its port. Every 100 ms of audio are answered with an interim result of the usual size, whose
text is the moment at which it was sent: nanoseconds of the monotonic clock, which all processes of
a machine share.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from callscribe.wire import deepgram as dg

STEP = 0.1
"""Seconds of audio between two results."""
WORDS = 13
"""Words of a result besides its mark: 1.2 kB in all."""


def result(start: float, sent_ns: int) -> str:
    """An interim result that covers 100 ms from ``start`` (s) on and says when it was sent."""
    words = [
        dg.Word(
            word=f"w{i}", start=start, end=start + STEP, confidence=0.9, punctuated_word=f"W{i}"
        )
        for i in range(WORDS)
    ]
    heard = dg.Alternative(transcript=f"t{sent_ns}", confidence=0.9, words=words)
    return dg.Results(
        start=round(start, 3),
        duration=STEP,
        is_final=False,
        speech_final=False,
        channel=dg.Channel(alternatives=[heard]),
    ).encode()


async def answer(connection: ServerConnection) -> None:
    """One client."""
    assert connection.request is not None  # noqa: S101 - the handshake is over
    asked = parse_qs(urlsplit(connection.request.path).query)
    width = 1 if asked["encoding"] == ["mulaw"] else 2
    step = round(int(asked["sample_rate"][0]) * width * STEP)
    received = told = 0
    with contextlib.suppress(ConnectionClosed):  # the client leaves when it has measured
        async for frame in connection:
            if isinstance(frame, str):
                if "CloseStream" in frame:
                    return
                continue
            received += len(frame)
            while received >= (told + 1) * step:
                await connection.send(result(told * STEP, time.monotonic_ns()))
                told += 1


async def main() -> None:
    """Serves until it is ended."""
    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
