"""Which answers and closes mean what, and which are worth another try."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.engines.base import EngineEvent, Lost
from callscribe.engines.deepgram import DeepgramTranscriptionService, faults, pieces
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.engines.deepgram.transport import MAX_MESSAGE
from callscribe.errors import UpstreamError
from tests import speech
from tests.engines.deepgram.upstream import (
    REQUEST_ID,
    Behaviour,
    faulty_server,
    swallow,
    upstream,
)
from tests.protocol import folder, needs_protocol


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "deepgram_bad_option", False),
        (401, "deepgram_unauthorized", False),
        (402, "deepgram_no_credit", False),
        (403, "deepgram_forbidden", False),
        (404, "deepgram_bad_address", False),
        (408, "deepgram_timeout", True),
        (418, "deepgram_refused", False),
        (429, "deepgram_busy", True),
        (500, "deepgram_unavailable", True),
        (504, "deepgram_unavailable", True),
    ],
)
def test_statuses(status: int, code: str, retryable: bool) -> None:
    error = faults.refused(status, {})
    assert (error.code, error.retryable) == (code, retryable)
    assert str(status) in error.message


def test_the_servers_own_words_and_request_id_are_kept() -> None:
    headers = {"dg-error": "Invalid 'x' value.", "dg-request-id": "r-1"}
    error = faults.refused(400, headers)
    assert "Invalid 'x' value." in error.message
    assert error.request_id == "r-1"
    for body in (
        {"err_code": "X", "err_msg": "no such model", "request_id": "r-2"},
        {"category": "X", "message": "no such model", "details": "d", "request_id": "r-2"},
    ):
        error = faults.refused(400, {}, json.dumps(body).encode())
        assert "no such model" in error.message
        assert error.request_id == "r-2"
    assert "HTTP 502" in faults.refused(502, {}, b"<html>").message


@pytest.mark.parametrize(
    ("code", "reason", "means", "retryable"),
    [
        (1011, "See https://dpgr.am/net0000", "deepgram_timeout", True),
        (1011, "NET-0001", "deepgram_timeout", True),
        (1011, "", "deepgram_closed", True),
        (1006, "", "deepgram_closed", True),
        (1012, "", "deepgram_closed", True),
        (4000, "", "deepgram_closed", True),
        (1008, "DATA-0000", "deepgram_bad_audio", False),
        (1008, "policy", "deepgram_closed", False),
        (1002, "", "deepgram_closed", False),
        (1009, "", "deepgram_closed", False),
        (None, "", "deepgram_closed", True),
    ],
)
def test_closes(code: int | None, reason: str, means: str, retryable: bool) -> None:
    error = faults.closed(code, reason, "r")
    assert (error.code, error.retryable, error.request_id) == (means, retryable, "r")


def test_silence_and_a_missing_network_are_worth_another_try() -> None:
    assert faults.stalled(20.0).retryable
    assert faults.unreachable(OSError("no route")).retryable
    assert "no route" in faults.unreachable(OSError("no route")).message


@needs_protocol
def test_what_was_really_seen() -> None:
    for line in (folder() / "fixtures/ws_close_frames.jsonl").read_text().splitlines():
        seen = json.loads(line)
        error = faults.closed(seen["code"], seen.get("reason") or "")
        if "net" in (seen.get("reason") or "").lower():
            assert error.code == "deepgram_timeout"


REFUSALS = [
    (400, "deepgram_bad_option", False),
    (401, "deepgram_unauthorized", False),
    (402, "deepgram_no_credit", False),
    (403, "deepgram_forbidden", False),
    (408, "deepgram_timeout", True),
    (429, "deepgram_busy", True),
    (503, "deepgram_unavailable", True),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "code", "retryable"), REFUSALS)
async def test_a_refused_stream_over_a_socket(status: int, code: str, retryable: bool) -> None:
    body = b'{"err_code": "X", "err_msg": "in words"}'
    async with upstream(status=status, body=body) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        with pytest.raises(UpstreamError) as caught:
            await service.transcribe_streaming("s", "fr", 16_000, print)
        await service.close()
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert f"(HTTP {status}: in words)" in caught.value.message
    assert caught.value.request_id == REQUEST_ID


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "code", "retryable"), REFUSALS)
async def test_a_refused_request_over_a_socket(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, retryable: bool
) -> None:
    monkeypatch.setattr(pieces, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(pieces, "PATIENCE", 0.2)
    rate, samples = speech.leg("fr", "agent")
    events: list[EngineEvent] = []
    with faulty_server(*[status] * 99) as server:
        service = DeepgramBatchService("key", base_url=server.address)
        leg = await service.transcribe_streaming("s", "fr", rate, events.append)
        await leg.send_audio(samples[: 4 * rate].astype("<i2").tobytes())
        await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, UpstreamError)
    assert (lost.error.code, lost.error.retryable) == (code, retryable)
    assert f"(HTTP {status}: in words)" in lost.error.message
    assert lost.error.request_id == "r-1"
    assert (len(server.bodies) > 1) is retryable


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("close", "reason", "code", "retryable"),
    [
        (1011, "did not receive audio. See https://dpgr.am/net0001", "deepgram_timeout", True),
        (1011, "NET-0000", "deepgram_timeout", True),
        (1011, "", "deepgram_closed", True),
        (1008, "DATA-0000", "deepgram_bad_audio", False),
        (1008, "policy", "deepgram_closed", False),
        (1007, "", "deepgram_closed", False),
        (1009, "", "deepgram_closed", False),
        (1013, "", "deepgram_closed", True),
    ],
)
async def test_a_stream_that_is_closed_over_a_socket(
    close: int, reason: str, code: str, retryable: bool
) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(close, reason)

    error = await lost_through(leave)
    assert (error.code, error.retryable, error.request_id) == (code, retryable, REQUEST_ID)
    assert str(close) in error.message


@pytest.mark.anyio
@pytest.mark.parametrize("code", [1007, 1009])
async def test_a_stream_that_we_close_because_of_what_came(code: int) -> None:
    async def rave(connection: ServerConnection) -> None:
        await connection.recv()
        if code == 1007:
            connection.transport.write(b"\x81\x02\xff\xfe")  # a text frame that is no UTF-8
        else:
            await connection.send("x" * (MAX_MESSAGE + 1))
        await swallow(connection)

    error = await lost_through(rave)
    assert (error.code, error.retryable, error.request_id) == ("deepgram_closed", True, REQUEST_ID)
    assert str(code) in error.message


async def lost_through(behave: Behaviour) -> UpstreamError:
    """What a leg is lost with at a server that answers the first frame like this."""
    events: list[EngineEvent] = []
    async with upstream(behave) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        leg = await service.transcribe_streaming("s", "fr", 16_000, events.append)
        await leg.send_audio(bytes(640))
        async with asyncio.timeout(10):
            while not events:
                await asyncio.sleep(0.01)
        await service.close()
    (lost,) = events
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, UpstreamError)
    return lost.error
