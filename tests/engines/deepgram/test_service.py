"""Options on the wire, and the engine's own life."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.listen.v1.types import ListenV1CloseStream
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from callscribe.engines.base import EngineEvent, StreamOptions
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.engines.deepgram import connection as connection_module
from callscribe.engines.deepgram.service import arguments, environment, make_query
from callscribe.errors import CapacityError, ConfigurationError, EngineError
from tests.engines.deepgram.options import OPTIONS, SDK_ARGUMENTS, query, raw
from tests.engines.deepgram.upstream import METADATA, answer, upstream

FIRST_LEG = """
import asyncio, sys
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.errors import UpstreamError

async def main():
    service = DeepgramTranscriptionService("key", base_url="ws://127.0.0.1:9")
    await service.warm()
    before = set(sys.modules)
    try:
        await service.transcribe_streaming("s", "fr", 8000, print)
    except UpstreamError:
        print(*sorted(set(sys.modules) - before))

asyncio.run(main())
"""

PROMISED = {
    "model": "nova-3",
    "language": "fr",
    "smart_format": "true",
    "punctuate": "true",
    "encoding": "linear16",
    "sample_rate": "8000",
    "channels": "1",
    "interim_results": "true",
    "utterance_end_ms": "1000",
    "vad_events": "true",
}


def test_the_options_that_are_promised_and_no_others() -> None:
    assert arguments(make_query("fr", 8000, StreamOptions())) == PROMISED


def test_what_the_configuration_adds() -> None:
    options = StreamOptions(
        keyterms=("Zoé", "fibre"),
        endpointing_ms=300,
        query=(("redact", "pci"), ("redact", "ssn"), ("diarize", "true")),
        model="nova-3-medical",
    )
    assert arguments(make_query("auto", 8000, options)) == PROMISED | {
        "model": "nova-3-medical",
        "language": "multi",
        "keyterm": ["Zoé", "fibre"],
        "endpointing": "300",
        "redact": ["pci", "ssn"],
        "diarize": "true",
    }


def test_without_interims_no_utterance_ends() -> None:
    found = arguments(make_query("fr", 8000, StreamOptions(interim_results=False)))
    assert "utterance_end_ms" not in found


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"query": (("keywords", "a"),)}, "keyterm instead"),
        ({"query": (("utterance_end_ms", "999"),)}, "utterance_end_ms"),
        ({"keyterms": ("word",) * 501}, "500"),
        ({"query": (("novelty", "1"),)}, "no option 'novelty'"),
        ({"keyterms": ("a",), "model": "nova-2"}, "nova-3"),
    ],
)
def test_what_deepgram_would_refuse_is_refused_first(options: Any, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        make_query("fr", 8000, StreamOptions(**options))


@pytest.mark.parametrize(
    ("address", "socket", "http"),
    [
        ("wss://api.eu.deepgram.com", "wss://api.eu.deepgram.com", "https://api.eu.deepgram.com"),
        ("https://host:8443/", "wss://host:8443", "https://host:8443"),
        ("ws://127.0.0.1:8000/base", "ws://127.0.0.1:8000/base", "http://127.0.0.1:8000/base"),
    ],
)
def test_addresses(address: str, socket: str, http: str) -> None:
    found = environment(address)
    assert (found.production, found.base) == (socket, http)


@pytest.mark.parametrize("address", ["", "api.deepgram.com", "ftp://x", "wss://"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="DEEPGRAM_BASE_URL"):
        environment(address)


@pytest.mark.anyio
async def test_a_closed_engine_opens_no_leg() -> None:
    service = DeepgramTranscriptionService("key")
    await service.close()
    with pytest.raises(EngineError):
        await service.transcribe_streaming("s", "fr", 8000, print)


@pytest.mark.anyio
async def test_options_on_the_wire_are_those_of_the_official_sdk() -> None:
    targets: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        targets.append(connection.request.path)
        await answer(connection)

    pairs = tuple((name, value) for name, values in OPTIONS.items() for value in values)
    async with upstream(note) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        await service.transcribe_streaming(
            "s", "fr", 8000, print, options=StreamOptions(query=pairs)
        )
        await service.close()
        sdk = AsyncDeepgramClient(api_key="k", environment=environment(address))
        async with sdk.listen.v1.connect(**SDK_ARGUMENTS) as socket:
            await socket.send_close_stream(ListenV1CloseStream(type="CloseStream"))
    ours, theirs = targets
    assert raw(ours, *OPTIONS) == raw(theirs, *OPTIONS)
    assert {name: query(ours)[name] for name in OPTIONS} == OPTIONS
    assert query(ours).keys() == PROMISED.keys() | OPTIONS.keys()


@pytest.mark.anyio
async def test_all_legs_end_at_once_and_one_that_fails_keeps_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "LAST_RESULTS", 2.0)
    everyone = asyncio.Barrier(2)
    heard: list[EngineEvent] = []

    async def end_together(connection: ServerConnection) -> None:
        """Ends a stream when the other one is to be ended as well."""
        async for frame in connection:
            if frame == '{"type":"CloseStream"}':
                await everyone.wait()
                await connection.send(METADATA)
                return

    async with upstream(end_together) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        legs = [
            await service.transcribe_streaming(f"s{number}", "fr", 8000, heard.append)
            for number in range(3)
        ]

        async def broken() -> None:
            raise RuntimeError("no")

        close = legs[1].close
        monkeypatch.setattr(legs[1], "close", broken)
        with capture_logs() as logs:
            await service.close()
        assert [leg.is_connected for leg in legs] == [False, True, False]
        assert not heard  # neither waited for the other until its time was over
        assert "deepgram_close_failed" in [line["event"] for line in logs]
        everyone = asyncio.Barrier(1)
        await close()


@pytest.mark.anyio
async def test_above_the_budget_nothing_goes_out() -> None:
    came = 0

    async def count(socket: ServerConnection) -> None:
        nonlocal came
        came += 1
        await answer(socket)

    async with upstream(count) as address:
        service = DeepgramTranscriptionService("key", base_url=address, streams=1, ears=False)
        first = await service.transcribe_streaming("a", "fr", 8000, print)
        with pytest.raises(CapacityError) as full:
            await service.transcribe_streaming("b", "fr", 8000, print)
        assert (full.value.code, full.value.retryable) == ("deepgram_budget", True)
        assert came == 1
        told: list[CapacityError] = []
        waiting = asyncio.create_task(
            service.transcribe_streaming(
                "b", "fr", 8000, print, options=StreamOptions(on_full=told.append)
            )
        )
        await asyncio.sleep(0.05)
        assert (len(told), came, service.budget.use.waiting) == (1, 1, 1)
        await first.close()
        second = await waiting
        assert came == 2
        assert service.budget.use.used == 1
        await second.close()
        assert service.budget.use.used == 0
        await service.close()


async def hang_up(socket: ServerConnection) -> None:
    socket.transport.abort()


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["refused", "dropped", "abandoned", "unreachable", "cancelled"])
async def test_a_slot_is_free_however_a_stream_ends(end: str) -> None:
    behave = hang_up if end == "dropped" else answer
    async with upstream(behave, status=429 if end == "refused" else 0) as there:
        address = "ws://127.0.0.1:9" if end == "unreachable" else there
        service = DeepgramTranscriptionService("key", base_url=address, streams=1, ears=False)
        for _ in range(3):
            opening = asyncio.create_task(service.transcribe_streaming("a", "fr", 8000, print))
            await asyncio.sleep(0)
            if end == "cancelled":
                await asyncio.sleep(0)
                opening.cancel()
            await asyncio.wait({opening})
            if end == "abandoned":
                await opening.result().close()
            async with asyncio.timeout(5):
                while service.budget.use.used:
                    await asyncio.sleep(0.01)
            assert opening.cancelled() or not isinstance(opening.exception(), CapacityError)
        await service.close()


@pytest.mark.anyio
async def test_who_waits_when_the_engine_is_closed_is_told() -> None:
    async with upstream(answer) as address:
        service = DeepgramTranscriptionService("key", base_url=address, streams=1, ears=False)
        await service.transcribe_streaming("a", "fr", 8000, print)
        options = StreamOptions(on_full=lambda _: None)
        waiting = asyncio.create_task(
            service.transcribe_streaming("b", "fr", 8000, print, options=options)
        )
        await asyncio.sleep(0.02)
        await service.close()
        with pytest.raises(EngineError, match="closed"):
            await waiting
        assert service.budget.use.used == 0


def test_a_warm_engine_loads_nothing_more_for_its_first_leg() -> None:
    """On the event loop that would stop everybody else's."""
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_LEG], check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == []
