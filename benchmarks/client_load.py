"""One client process under load: our connections to Deepgram, or bare sockets doing the same job.

    python -m benchmarks.client_load WAY URL --legs 50 --seconds 8

WAY is ``bare`` (sockets that send frames and read text), ``ours``, ``deaf`` (ours without its ears)
or, with 8 kHz mu-law in, ``decoded`` (sent as 16-bit PCM) and ``passed`` (sent as it is). Prints
what it measured as JSON: CPU, and how long results were on their way, sink to callback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from callscribe.demo.measure import percentile
from callscribe.engines.base import EngineEvent, StreamOptions
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.transcript import Result

FRAME = 0.02
"""Seconds of a frame."""
WARM_UP = 1.0
MARK = '"transcript":"t'
"""Behind this stands when a result was sent."""

Send = Callable[[bytes], Awaitable[None]]


class Arrivals:
    """How long results were on their way, seconds, once the measuring has begun."""

    def __init__(self) -> None:
        self.measuring = False
        self.seconds: list[float] = []

    def note(self, sent_ns: int) -> None:
        """A result is there that was sent then."""
        if self.measuring:
            self.seconds.append((time.monotonic_ns() - sent_ns) / 1e9)

    def hear(self, event: EngineEvent) -> None:
        """The callback of our connections."""
        if isinstance(event, Result) and event.text:
            self.note(int(event.text[1:]))


async def read(socket: ClientConnection, arrivals: Arrivals) -> None:
    """A bare relay's reader: takes the text as it is."""
    async for text in socket:
        assert isinstance(text, str)  # noqa: S101 - the sink sends text only
        at = text.index(MARK) + len(MARK)
        arrivals.note(int(text[at : text.index('"', at)]))


async def open_bare(
    url: str, legs: int, arrivals: Arrivals, resources: AsyncExitStack
) -> list[Send]:
    """Bare sockets."""
    sends: list[Send] = []
    query = "model=nova-3&encoding=linear16&sample_rate=16000"
    tasks = await resources.enter_async_context(asyncio.TaskGroup())
    for _ in range(legs):
        socket = await connect(f"{url}/v1/listen?{query}", compression=None)
        tasks.create_task(read(socket, arrivals))
        resources.push_async_callback(socket.close)
        sends.append(socket.send)
    return sends


async def open_ours(
    url: str, way: str, legs: int, arrivals: Arrivals, resources: AsyncExitStack
) -> list[Send]:
    """Our connections."""
    service = DeepgramTranscriptionService("key", base_url=url, ears=way != "deaf")
    resources.push_async_callback(service.close)
    phone = way in ("decoded", "passed")
    options = StreamOptions(encoding="mulaw" if phone else "linear16", pass_through=way == "passed")
    rate = 8_000 if phone else 16_000
    return [
        (
            await service.transcribe_streaming(
                f"leg-{index}", "fr", rate, arrivals.hear, options=options
            )
        ).send_audio
        for index in range(legs)
    ]


async def run(way: str, url: str, legs: int, seconds: float) -> dict[str, Any]:
    """Sends silence at the pace of speech on all legs."""
    arrivals = Arrivals()
    frame = bytes(round(FRAME * 8_000)) if way in ("decoded", "passed") else bytes(640)
    async with AsyncExitStack() as resources:
        if way == "bare":
            sends = await open_bare(url, legs, arrivals, resources)
        else:
            sends = await open_ours(url, way, legs, arrivals, resources)
        began = time.monotonic()
        cpu = measured_from = 0.0
        for count in range(round((WARM_UP + seconds) / FRAME)):
            await asyncio.sleep(max(began + count * FRAME - time.monotonic(), 0))
            if not arrivals.measuring and count * FRAME >= WARM_UP:
                arrivals.measuring = True
                cpu, measured_from = time.process_time(), time.monotonic()
            for send in sends:
                await send(frame)
        cpu = time.process_time() - cpu
        took = time.monotonic() - measured_from
    return {
        "cpu_pct_per_leg": 100 * cpu / took / legs,
        "p50_ms": 1000 * percentile(arrivals.seconds, 0.5),
        "p99_ms": 1000 * percentile(arrivals.seconds, 0.99),
        "results": len(arrivals.seconds),
        "expected": int(10 * seconds * legs),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("way", choices=["bare", "ours", "deaf", "decoded", "passed"])
    parser.add_argument("url", help="the sink's address, ws://…")
    parser.add_argument("--legs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=8.0)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(run(asked.way, asked.url, asked.legs, asked.seconds))))


if __name__ == "__main__":
    main()
