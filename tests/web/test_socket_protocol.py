"""Sockets from their request to their end: what applications are told, TLS, servers that end."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from callscribe.web.sockets import SHUTTING_DOWN
from tests.socket_serving import (
    HEAD,
    LOOPS,
    OFFERED,
    Echo,
    Message,
    Receive,
    Send,
    Site,
    dialled,
    opened,
    site,
)

pytestmark = pytest.mark.anyio

# --- what the application is told ----------------------------------------------------------------


async def test_the_scope(echoing: Site, echo: Echo) -> None:
    async with connect(
        f"{echoing.ws}/caf%C3%A9?q=a%20b",
        subprotocols=[Subprotocol("token"), Subprotocol("secret")],
        additional_headers=[("X-Name", "a, b"), ("X-Name", "c")],
    ) as socket:
        here = socket.local_address
    [scope] = echo.scopes
    told = {name: scope[name] for name in ("type", "scheme", "http_version", "path", "raw_path")}
    assert told == {
        "type": "websocket",
        "scheme": "ws",
        "http_version": "1.1",
        "path": "/café",
        "raw_path": b"/caf%C3%A9",
    }
    assert scope["query_string"] == b"q=a%20b"
    assert scope["client"] == tuple(here)
    assert scope["server"] == ("127.0.0.1", echoing.port)
    assert scope["subprotocols"] == ["token", "secret"]
    values = [value for name, value in scope["headers"] if name == b"x-name"]
    assert values == [b"a, b", b"c"]


async def test_headers_and_a_subprotocol_on_accept() -> None:
    headers = [(b"X-Name", b"a"), (b"x-name", b"b"), (b"set-cookie", "grüß".encode())]
    echo = Echo(subprotocol="token", headers=headers)
    with site(echo, headers=[("x-default", "yes")]) as served:
        async with connect(served.ws, subprotocols=OFFERED) as socket:
            assert socket.subprotocol == "token"
            assert socket.response is not None
            assert socket.response.headers.get_all("X-Name") == ["a", "b"]
            assert socket.response.headers["x-default"] == "yes"
            raw = socket.response.headers["set-cookie"]
            assert "grüß" in (raw, raw.encode("latin-1", "surrogateescape").decode())


@pytest.mark.parametrize(
    "more",
    [
        b"Connection: keep-alive, Upgrade",
        b"Upgrade: WebSocket\r\nConnection: upgrade",
        b"Connection: Upgrade\r\nContent-Length: 5",
        b"Connection: Upgrade\r\nCookie: " + b"c" * 20_000,
        b"Connection: Upgrade\r\nX-Name: \xff\xfe",
        b"Connection: Upgrade" + b"".join(b"\r\nX-%d: y" % at for at in range(200)),
    ],
    ids=["Firefox", "spellings", "a length", "a large cookie", "no UTF-8", "many headers"],
)
async def test_heads_that_are_unusual(echo: Echo, more: bytes) -> None:
    with site(echo) as served:
        async with dialled(served.port) as raw:
            raw.writer.write((HEAD % b"/").replace(b"Connection: Upgrade", more))
            async with asyncio.timeout(5):
                answer = await raw.reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101 ")
            raw.frame(Opcode.TEXT, b"heard")
            assert await raw.next() == (Opcode.TEXT, b"heard")


# --- clients that are gone, or in a hurry --------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
async def test_who_is_gone_before_it_is_accepted(loop: str) -> None:
    go = asyncio.Event()
    here = asyncio.get_running_loop()
    ends: list[Message] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), here))
        await opened(receive, send)
        ends.append(await receive())

    with site(application, loop) as served:
        async with dialled(served.port) as raw:
            raw.writer.write(HEAD % b"/")
            await raw.writer.drain()
            await asyncio.sleep(0.02)
        go.set()
        assert await served.freed()
    assert [end["code"] for end in ends] == [1006]


async def test_frames_behind_the_request_do_no_harm(echoing: Site) -> None:
    frame = Frame(Opcode.TEXT, b"early").serialize(mask=True)
    async with dialled(echoing.port) as raw:
        raw.writer.write(HEAD % b"/" + frame)
        assert (await raw.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        raw.frame(Opcode.TEXT, b"in time")
        assert (await raw.next())[1] in (b"early", b"in time")


async def test_frames_that_come_before_the_answer_are_kept() -> None:
    asked, go = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()
    echo = Echo()

    async def slow(scope: Message, receive: Receive, send: Send) -> None:
        here.call_soon_threadsafe(asked.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), here))
        await echo(scope, receive, send)

    with site(slow) as served:
        async with dialled(served.port) as raw:
            raw.writer.write(HEAD % b"/")
            await asyncio.wait_for(asked.wait(), 5)
            for at in range(100):
                raw.frame(Opcode.TEXT, b"%d" % at)
            await raw.writer.drain()
            go.set()
            await raw.reader.readuntil(b"\r\n\r\n")
            for at in range(100):
                assert await raw.next() == (Opcode.TEXT, b"%d" % at)


# --- the server ends -----------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
async def test_the_server_ends(loop: str, echo: Echo) -> None:
    with site(echo, loop) as served:
        async with connect(served.ws) as socket:
            await socket.send("here")
            await socket.recv()
            served.stop()
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 10)
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1012, SHUTTING_DOWN)
    assert await echo.end() == (1012, SHUTTING_DOWN)


async def test_the_server_ends_before_it_accepts() -> None:
    ends: list[Message] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await receive()
        running.stop()
        ends.append(await receive())

    with site(application) as running, pytest.raises(InvalidStatus) as caught:
        await connect(running.ws)
    assert caught.value.response.status_code == 500
    assert ends == [{"type": "websocket.disconnect", "code": 1006}]


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key),
         "-out", str(certificate), "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate


@pytest.mark.parametrize("loop", LOOPS)
async def test_tls(certificate: tuple[Path, Path], loop: str, echo: Echo) -> None:
    key, chain = certificate
    trusting = ssl.create_default_context(cafile=str(chain))
    with site(echo, loop, ssl_keyfile=str(key), ssl_certfile=str(chain)) as served:
        address = f"wss://127.0.0.1:{served.port}"
        async with connect(address, ssl=trusting, max_size=None) as socket:
            for size in (0, 5, 8192, 8193, 100_000, 3_000_000):
                await socket.send(bytes(size))
                assert await socket.recv() == bytes(size)
            for at in range(200):
                await socket.send(f"{at}" * (1 + 97 * at))
            for at in range(200):
                assert await socket.recv() == f"{at}" * (1 + 97 * at)
            await socket.close(4001, "done")
        assert await echo.end() == (4001, "done")
        assert echo.scopes[0]["scheme"] == "wss"
        assert await served.freed()
