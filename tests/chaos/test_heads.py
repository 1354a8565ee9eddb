"""Heads of requests and answers."""

from __future__ import annotations

import asyncio
import json

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.chaos.heads import (
    Request,
    encode_refusal,
    parse_upstream,
    read_answer,
    read_request,
)
from callscribe.errors import ConfigurationError, ProtocolError

UPGRADE = (
    b"GET /v1/listen?model=nova-3&keyterm=Zo%C3%A9+x HTTP/1.1\r\nhost: 127.0.0.1:8765\r\n"
    b"Upgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: token, key\r\n"
    b"Authorization: Token secret\r\nX-Own: a\r\nX-Own: b\r\n\r\n"
)
POST = (
    b"POST /v1/listen HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def read(data: bytes) -> Request | None:
    async def feed() -> Request | None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(feed())


def sent(data: bytes, upstream: str) -> list[bytes]:
    """The lines of the head that the server behind gets."""
    request = read(data)
    assert request is not None
    return request.encode(parse_upstream(upstream)).split(b"\r\n")


def test_an_upgrade_keeps_its_headers_and_is_not_compressed() -> None:
    lines = sent(UPGRADE, "wss://api.deepgram.com")
    assert lines == [
        b"GET /v1/listen?model=nova-3&keyterm=Zo%C3%A9+x HTTP/1.1",
        b"Host: api.deepgram.com",
        b"Upgrade: WebSocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: eA==",
        b"Sec-WebSocket-Protocol: token, key",
        b"Authorization: Token secret",
        b"X-Own: a",
        b"X-Own: b",
        b"",
        b"",
    ]


def test_a_request_has_a_connection_to_itself() -> None:
    lines = sent(POST, "http://[::1]:8000/base/")
    assert lines == [
        b"POST /base/v1/listen HTTP/1.1",
        b"Host: [::1]:8000",
        b"Content-Length: 4",
        b"Connection: close",
        b"",
        b"",
    ]


def test_what_is_told_of_a_request_holds_no_query() -> None:
    request = read(UPGRADE)
    assert request is not None
    assert (request.method, request.path, request.upgrade) == ("GET", "/v1/listen", True)
    post = read(POST)
    assert post is not None
    assert not post.upgrade


def test_who_leaves_before_asking_asks_nothing() -> None:
    assert read(b"") is None
    assert read(UPGRADE[:40]) is None


@given(st.binary(max_size=200))
def test_what_is_no_request_is_said(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(b"\x16" + data + b"\r\n\r\n")


def test_a_head_without_end_is_not_kept() -> None:
    with pytest.raises(ProtocolError, match="too long"):
        read(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)


@pytest.mark.parametrize(
    ("address", "authority", "tls"),
    [
        ("wss://api.deepgram.com", "api.deepgram.com", True),
        ("https://api.eu.deepgram.com:443/", "api.eu.deepgram.com", True),
        ("wss://host:8443", "host:8443", True),
        ("ws://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://localhost", "localhost", False),
        ("http://localhost:443", "localhost:443", False),
    ],
)
def test_addresses(address: str, authority: str, tls: bool) -> None:
    found = parse_upstream(address)
    assert (found.authority, found.tls) == (authority, tls)


@pytest.mark.parametrize(
    "address",
    ["", "host", "ftp://x", "ws://", "ws://x:99999", "ws://x y", "ws://u:p@x", "ws://x?y=1", "ws://[x"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="written like wss:"):
        parse_upstream(address)


@given(st.text())
def test_no_address_breaks_the_parser(address: str) -> None:
    for text in (address, f"ws://{address}"):
        try:
            parse_upstream(text)
        except ConfigurationError as error:
            assert error.code == "bad_upstream"  # noqa: PT017 - some are addresses


def answer(data: bytes) -> tuple[int, bytes]:
    async def feed() -> tuple[int, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_answer(reader)

    return asyncio.run(feed())


def test_answers_are_not_touched() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nDG-Request-ID: x\r\n\r\n"
    assert answer(head + b"rest") == (101, head)
    for wrong in (b"", b"HTTP/1.1 101", b"SSH-2.0\r\n\r\n"):
        with pytest.raises(ProtocolError, match="no HTTP answer"):
            answer(wrong)


@pytest.mark.parametrize("status", [401, 402, 429, 503, 599])
def test_refusals_are_whole_answers(status: int) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    data, request_id = encode_refusal(status, "« no »\nnever")
    client.receive_data(data)
    head, body, end = client.next_event(), client.next_event(), client.next_event()
    assert isinstance(head, h11.Response)
    assert isinstance(body, h11.Data)
    assert isinstance(end, h11.EndOfMessage)
    assert head.status_code == status
    headers = {name.decode(): value.decode() for name, value in head.headers}
    assert headers["dg-request-id"] == request_id
    assert headers["dg-error"] == "? no ? never"
    found = json.loads(body.data)
    assert (found["request_id"], found["err_msg"]) == (request_id, "« no »\nnever")
