"""Refusals and closes in Deepgram's form."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.wire import deepgram_errors as errors


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Bad Request"),
        (401, "INVALID_AUTH"),
        (402, "ASR_PAYMENT_REQUIRED"),
        (403, "FORBIDDEN"),
        (413, "PAYLOAD_TOO_LARGE"),
        (429, "TOO_MANY_REQUESTS"),
        (503, "SERVICE_UNAVAILABLE"),
        (599, "HTTP_599"),
    ],
)
def test_every_status_has_a_code(status: int, code: str) -> None:
    said = errors.refusal(status, "no", "an-id")
    assert json.loads(said.body) == {"err_code": code, "err_msg": "no", "request_id": "an-id"}
    assert said.headers["content-type"] == "application/json"
    assert ("Retry-After" in said.headers) == (status == 503)


@given(st.text())
def test_whatever_the_words_the_headers_can_be_sent(message: str) -> None:
    headers = errors.refusal(401, message, "an-id").headers
    assert headers["dg-request-id"] == "an-id"
    assert all(" " <= letter <= "~" for letter in headers["dg-error"])
    assert headers["dg-error"] == headers["dg-error"].strip()


def test_a_special_code_stands_above_the_status() -> None:
    body = errors.refusal(400, "no", "an-id", code="INVALID_QUERY_PARAMETER").body
    assert json.loads(body)["err_code"] == "INVALID_QUERY_PARAMETER"


def test_request_ids_are_uuids() -> None:
    assert str(uuid.UUID(errors.new_request_id()))


def test_closes_fit_into_a_frame() -> None:
    for code, reason in (errors.UNDECODABLE, errors.SILENT_CLIENT, errors.NO_AUDIO):
        assert code in (1008, 1011)
        assert len(reason.encode()) <= 123
