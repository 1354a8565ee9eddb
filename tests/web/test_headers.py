"""What every answer carries, and how much a request may hold."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from callscribe.web.headers import MAX_BODY
from tests.serving import Served

URL = "/api/config/transcription"


@pytest.mark.parametrize("path", ["/config", "/api/status", "/nothing", "/healthz"])
def test_security_headers(served: Served, path: str) -> None:
    headers = httpx.get(served.http + path).headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert "server" not in headers
    wanted = "no-store" if path.startswith("/api/") else "no-cache"
    assert headers["cache-control"] == wanted


def test_refusals_carry_them_too(served: Served) -> None:
    answer = httpx.get(served.http + "/config", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_long_body_is_refused_unread(served: Served) -> None:
    answer = httpx.put(served.http + URL, content=b" " * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_big")


def test_a_body_that_only_turns_out_long_is_cut_off(served: Served) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 1024 + 2):
            yield b" " * 1024

    answer = httpx.put(
        served.http + URL, content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_big")


def test_a_length_that_is_none_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as raw:
        raw.sendall(b"PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n")
        assert raw.recv(200).startswith(b"HTTP/1.1 4")
    assert httpx.get(served.http + "/healthz").status_code == 200
