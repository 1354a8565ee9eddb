"""Which answers and closes mean what, and which are worth another try."""

from __future__ import annotations

import json

import pytest

from callscribe.engines.deepgram import faults
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
