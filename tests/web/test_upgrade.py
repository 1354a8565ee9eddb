"""Requests for a socket, read and refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.web.upgrade import Refusal, Upgrade, read_upgrade

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD = (
    (b"host", b"localhost"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", KEY),
)


def head(*headers: tuple[bytes, bytes], first: bytes = b"GET / HTTP/1.1") -> bytes:
    """A request as uvicorn hands it over."""
    return b"\r\n".join([first, *(b"%b: %b" % pair for pair in headers), b"", b""])


def without(name: bytes, *more: tuple[bytes, bytes]) -> bytes:
    return head(*(pair for pair in GOOD if pair[0] != name), *more)


def read(raw: bytes) -> Upgrade:
    upgrade = read_upgrade(raw)
    assert isinstance(upgrade, Upgrade), upgrade
    return upgrade


def refused(raw: bytes) -> Refusal:
    refusal = read_upgrade(raw)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def test_what_an_application_is_told() -> None:
    upgrade = read(head(*GOOD, first=b"GET /caf%C3%A9/a%2Fb?key=a%20b&c?d HTTP/1.1"))
    assert upgrade == Upgrade("/caf%C3%A9/a%2Fb", "key=a%20b&c?d", list(GOOD))
    assert upgrade.key == KEY
    assert upgrade.subprotocols == []


def test_names_in_lower_case_and_values_as_they_are() -> None:
    raw = without(b"host", (b"X-Name", b"  A: b\xff "), (b"x-name", b""))
    assert list(read(raw).headers)[-2:] == [(b"x-name", b"A: b\xff"), (b"x-name", b"")]


def test_what_came_behind_the_head_is_no_header() -> None:
    assert read(head(*GOOD) + b"x: y\r\n\r\n").headers == list(GOOD)


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        ([b"token, secret"], ["token", "secret"]),
        ([b"token", b"secret,more"], ["token", "secret", "more"]),
        ([b" b ,,a, ", b"", b","], ["b", "a"]),
        ([b"t\xf6ken"], ["töken"]),
    ],
)
def test_subprotocols_in_the_clients_order(values: list[bytes], offered: list[str]) -> None:
    raw = head(*GOOD, *((b"Sec-WebSocket-Protocol", value) for value in values))
    assert read(raw).subprotocols == offered


@pytest.mark.parametrize(
    "values", [[b"keep-alive, Upgrade"], [b"UPGRADE"], [b"keep-alive", b"upgrade"], [b",upgrade ,"]]
)
def test_connections_that_are_upgraded(values: list[bytes]) -> None:
    read(without(b"connection", *((b"Connection", value) for value in values)))


@pytest.mark.parametrize("value", [b"", b"keep-alive", b"upgraded", b"no upgrade"])
def test_connections_that_are_not(value: bytes) -> None:
    assert refused(without(b"connection", (b"connection", value))).status == 400
    assert refused(without(b"connection")).status == 400


@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"get", b"CONNECT"])
def test_methods_that_open_no_socket(method: bytes) -> None:
    refusal = refused(head(*GOOD, first=method + b" / HTTP/1.1"))
    assert (refusal.status, refusal.headers) == (405, ((b"allow", b"GET"),))


@pytest.mark.parametrize("versions", [[], [b"8"], [b""], [b"13, 8"], [b"13", b"13"], [b"13", b"8"]])
def test_versions_that_are_not_spoken(versions: list[bytes]) -> None:
    raw = without(b"sec-websocket-version", *((b"sec-websocket-version", v) for v in versions))
    refusal = refused(raw)
    assert refusal.status == 426
    assert (b"sec-websocket-version", b"13") in refusal.headers
    assert (b"upgrade", b"websocket") in refusal.headers


@pytest.mark.parametrize(
    "keys",
    [[], [b""], [KEY, KEY], [KEY[:-1]], [b"*" * 24], [b"\xff" * 24], [KEY[:-2]],
     [base64.b64encode(bytes(15))], [base64.b64encode(bytes(17))]],
)  # fmt: skip
def test_keys_that_are_none(keys: list[bytes]) -> None:
    raw = without(b"sec-websocket-key", *((b"sec-websocket-key", key) for key in keys))
    assert refused(raw).status == 400


names = st.sampled_from([name for name, _ in GOOD] + [b"sec-websocket-protocol", b"x"])
values = st.sampled_from([value for _, value in GOOD] + [b",", b"8"]) | st.binary()


@given(st.lists(st.tuples(names | st.binary(), values)), st.binary())
def test_whatever_the_headers_hold(headers: list[tuple[bytes, bytes]], tail: bytes) -> None:
    answer = read_upgrade(head(*headers) + tail)
    if isinstance(answer, Refusal):
        assert answer.status in (400, 426)
    else:
        assert len(base64.b64decode(answer.key)) == 16
        assert all(part and part == part.strip() for part in answer.subprotocols)


@given(st.binary().filter(lambda target: target and not set(target) & set(b" \r\n")))
def test_whatever_is_asked_for(target: bytes) -> None:
    upgrade = read(head(*GOOD, first=b"GET %b HTTP/1.1" % target))
    asked = f"{upgrade.path}?{upgrade.query}" if b"?" in target else upgrade.path
    assert asked.encode("latin-1") == target
    assert isinstance(upgrade.path, str)
