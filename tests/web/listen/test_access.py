"""Who may use Deepgram's addresses, and how the key may come: over real sockets."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket as sockets
from collections.abc import Iterator, Mapping

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callscribe.settings import Settings
from tests.engines_for_tests import tones
from tests.serving import Served, serving
from tests.web.listen.conftest import KEY

pytestmark = pytest.mark.anyio

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with two keys that hears tones."""
    keys = (SecretStr("another"), SecretStr(KEY))
    with serving(Settings(data_dir=tmp_path_factory.mktemp("locked"), api_keys=keys)) as running:
        yield running


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without keys."""
    with serving(Settings(data_dir=tmp_path_factory.mktemp("unlocked"))) as running:
        yield running


def upgrade(served: Served, headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Asks for a socket with just these headers; the status and the headers of the answer."""
    asked = {
        "Host": f"127.0.0.1:{served.port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **headers,
    }
    lines = [f"GET {RAW} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    with sockets.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += raw.recv(4096)
    status, *rest = received.split(b"\r\n\r\n")[0].decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in rest)
    return int(status.split()[1]), {name.lower(): value for name, value in pairs}


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("key", [KEY, "another"])
async def test_any_scheme_with_a_right_key_opens(locked: Served, scheme: str, key: str) -> None:
    headers = {"Authorization": f"{scheme} {key}"}
    async with connect(locked.ws + RAW, additional_headers=headers) as socket:
        await socket.send(tones(400))
        await socket.send('{"type": "CloseStream"}')
        frames = [json.loads(text) async for text in socket]
        assert socket.subprotocol is None
    assert frames[0]["channel"]["alternatives"][0]["transcript"] == "f400"
    async with httpx.AsyncClient(headers=headers) as http:
        assert (await http.get(f"{locked.http}/v1/auth/token")).status_code == 200


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (f"token,{KEY}", "token"),
        (f"token, {KEY}", "token"),
        (f"Token ,  {KEY}", "Token"),
        (f"bearer,{KEY}", "bearer"),
        (f"bearer, {KEY}", "bearer"),
        (f"token,{KEY},x-deepgram-session-id,7c9f", "token"),
        (f"token, {KEY}, x-deepgram-session-id, 7c9f", "token"),
    ],
)
def test_a_page_brings_its_key_as_a_subprotocol(locked: Served, offered: str, chosen: str) -> None:
    page = {"Sec-WebSocket-Protocol": offered, "Origin": "https://calls.example"}
    status, headers = upgrade(locked, page)
    assert status == 101
    assert headers["sec-websocket-protocol"] == chosen


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": "Token"},
        {"Authorization": f"Token {KEY}x"},
        {"Authorization": "Token wrong", "Sec-WebSocket-Protocol": f"token, {KEY}"},
        {"Sec-WebSocket-Protocol": "token"},
        {"Sec-WebSocket-Protocol": f"{KEY}"},
        {"Sec-WebSocket-Protocol": f"chat, {KEY}"},
        {"Sec-WebSocket-Protocol": "token, wrong"},
    ],
)
def test_nothing_else_opens(locked: Served, headers: dict[str, str]) -> None:
    status, answered = upgrade(locked, headers)
    assert status == 401
    assert answered["dg-error"]
    assert KEY not in str(answered)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Token any"},
        {"Authorization": "bearer any"},
        {"Sec-WebSocket-Protocol": "token,any"},
    ],
)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_without_keys_any_key_opens_by_a_local_name(
    unlocked: Served, headers: dict[str, str], name: str
) -> None:
    local = {"Host": f"{name}:{unlocked.port}"}
    assert upgrade(unlocked, headers | local)[0] == 101
    headers = {k: v for k, v in headers.items() if k == "Authorization"}
    answer = httpx.get(f"{unlocked.http}/v1/auth/token", headers=headers | local)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "strange",
    [{"Host": "calls.example"}, {"Host": "192.168.1.2"}, {"Origin": "http://evil.example"}],
)
async def test_without_keys_strangers_are_refused(
    unlocked: Served, strange: dict[str, str]
) -> None:
    headers = {"Authorization": "Token any", **strange}
    status, answered = upgrade(unlocked, headers)
    assert (status, bool(answered["dg-error"])) == (403, True)
    async with httpx.AsyncClient(headers=headers) as http:
        for path in ("/v1/listen", "/v1/auth/grant"):
            answer = await http.post(unlocked.http + path, content=b"{}")
            assert (answer.status_code, answer.json()["err_code"]) == (403, "FORBIDDEN")


def test_a_refusal_is_no_error_in_the_log(locked: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert upgrade(locked, {})[0] == 401
    assert upgrade(locked, {"Authorization": f"Token {KEY}"})[0] == 101
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_stranger_hears_why_in_the_body(unlocked: Served) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(unlocked.ws + RAW, origin="http://evil.example")  # type: ignore[arg-type]
    body = json.loads(caught.value.response.body or b"")
    assert body["err_msg"] == caught.value.response.headers["dg-error"]
