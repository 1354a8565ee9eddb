"""What passes the proxy unchanged, how it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import shutil
import socket
import ssl
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
from deepgram.core.api_error import ApiError
from websockets.asyncio.client import connect
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from callscribe.chaos import ChaosProxy
from callscribe.engines import create_engine
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from tests import speech
from tests.engines.deepgram.upstream import REQUEST_ID, swallow, upstream
from tests.engines_for_tests import tones
from tests.serving import Served, serving
from tests.web.listen.sdk import client, streaming

pytestmark = [
    pytest.mark.anyio,
    # The SDK still uses the old half of its socket library.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_the_official_client_notices_nothing(served: Served) -> None:
    audio = tones(400, 600, gap=0.2) + bytes(48_000) + tones(800)
    found = []
    async with ChaosProxy(served.ws) as proxy:
        for port in (served.port, proxy.port):
            async with streaming(port, interim_results=True, vad_events=True) as heard:
                for at in range(0, len(audio), 3200):
                    await heard.socket.send_media(audio[at : at + 3200])
            found.append((heard.text, {m.type for m in heard.messages}, heard.errors))
    assert found[0] == found[1]
    assert found[0][0] == "f400 f600 f800"
    told = [happening.what for happening in proxy.happenings]
    assert told == ["GET /v1/listen (socket)", "the server left"]


@pytest.mark.parametrize("step", [1, 700, 70_000])
async def test_messages_pass_unchanged_and_in_order(step: int) -> None:
    sizes = (0, 1, 125, 126, 65_535, 65_536, 300_000)
    messages: list[str | bytes] = [bytes(i % 251 for i in range(size)) for size in sizes]
    messages += ["é" * (size // 2) for size in sizes]
    async with (
        upstream(echo) as address,
        ChaosProxy(address) as proxy,
        connect(proxy.ws) as socket,
        asyncio.timeout(30),
    ):
        for message in messages:
            await socket.send(message)
        assert [await socket.recv() for _ in messages] == messages
        pieces = [b"x" * step, b"", b"y"]
        await socket.send(iter(pieces))  # one message in several frames
        assert await socket.recv() == b"".join(pieces)
        await (await socket.ping(b"through"))


async def test_headers_pass_both_ways() -> None:
    seen: list[Request] = []

    def look(_connection: ServerConnection, request: Request) -> None:
        seen.append(request)

    def name(_connection: ServerConnection, _request: Request, response: Response) -> None:
        response.headers["dg-request-id"] = REQUEST_ID
        response.headers["X-Own"] = "theirs"

    async with (
        serve(
            swallow, "127.0.0.1", 0,
            process_request=look, process_response=name, subprotocols=[Subprotocol("token")],
        ) as server,
        ChaosProxy(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/") as proxy,
        connect(
            f"{proxy.ws}/v1/listen?b=2&a=1&keyterm=Zo%C3%A9+x",
            additional_headers={"Authorization": "Token secret", "X-Own": "ours"},
            subprotocols=[Subprotocol("token"), Subprotocol("secret")],
        ) as socket,
    ):  # fmt: skip
        assert socket.subprotocol == "token"
        assert socket.response is not None
        assert socket.response.headers["dg-request-id"] == REQUEST_ID
        assert socket.response.headers["X-Own"] == "theirs"
        assert not socket.protocol.extensions
        port = server.sockets[0].getsockname()[1]
    (request,) = seen
    assert request.path == "/base/v1/listen?b=2&a=1&keyterm=Zo%C3%A9+x"
    assert request.headers["Authorization"] == "Token secret"
    assert request.headers["X-Own"] == "ours"
    assert request.headers["Sec-WebSocket-Protocol"] == "token, secret"
    assert request.headers["Host"] == f"127.0.0.1:{port}"
    assert not any("secret" in h.what or "Zo" in h.what for h in proxy.happenings)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1011, "NET-0001"), (4000, "déjà")])
async def test_closes_pass_both_ways(code: int, reason: str) -> None:
    heard: list[tuple[int | None, str | None]] = []

    async def leave(connection: ServerConnection) -> None:
        if await connection.recv() == "leave":
            await connection.close(code, reason)
        with contextlib.suppress(ConnectionClosed):
            await connection.recv()
        heard.append((connection.close_code, connection.close_reason))

    async with upstream(leave) as address, ChaosProxy(address) as proxy:
        async with connect(proxy.ws) as socket:
            await socket.send("leave")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (code, reason)
        async with connect(proxy.ws) as socket:
            await socket.send("stay")
            await socket.close(code, reason)
    assert heard == [(code, reason)] * 2


async def test_a_server_that_breaks_off_breaks_off() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async with upstream(leave) as address, ChaosProxy(address) as proxy, connect(proxy.ws) as s:
        await s.send("x")
        with pytest.raises(ConnectionClosed) as caught:
            await s.recv()
    assert caught.value.rcvd is None


async def test_refusals_of_the_server_pass() -> None:
    body = b'{"err_code": "X", "err_msg": "in words"}'
    async with (
        upstream(status=402, headers={"dg-error": "no credit"}, body=body) as address,
        ChaosProxy(address) as proxy,
    ):
        with pytest.raises(InvalidStatus) as caught:
            await connect(proxy.ws + RAW)
    answer = caught.value.response
    assert (answer.status_code, bytes(answer.body or b"")) == (402, body)
    assert answer.headers["dg-error"] == "no credit"
    assert set(answer.headers.get_all("dg-request-id")) == {REQUEST_ID}


@pytest.mark.parametrize("status", [401, 402, 403, 429, 503])
async def test_refusals_of_its_own_have_deepgrams_shape(served: Served, status: int) -> None:
    async with ChaosProxy(served.ws, [f"refuse:{status}/2-3"]) as proxy:
        async with streaming(proxy.port):
            pass
        with pytest.raises(InvalidStatus) as caught:
            await connect(proxy.ws + RAW)
        async with client(proxy.port) as sdk:
            with pytest.raises(ApiError) as refused:
                await sdk.listen.v1.media.transcribe_file(
                    request=bytes(3_000_000),
                    model="nova-3",
                    request_options={"max_retries": 0},
                )
        async with streaming(proxy.port):
            pass
    answer = caught.value.response
    assert answer.status_code == refused.value.status_code == status
    assert answer.headers["dg-error"]
    assert refused.value.headers is not None
    assert refused.value.body["request_id"] == refused.value.headers["dg-request-id"]
    assert [str(h.fault) for h in proxy.happenings if h.fault] == [f"refuse:{status}/2-3"] * 2


async def test_a_service_can_refuse_for_a_while(served: Served) -> None:
    async with ChaosProxy(served.ws, ["refuse:429@0+0.3"]) as proxy:
        with pytest.raises(InvalidStatus):
            await connect(proxy.ws + RAW)
        await asyncio.sleep(0.4)
        async with streaming(proxy.port):
            pass
    assert [str(h.fault) for h in proxy.happenings if h.fault] == ["refuse:429@0+0.3"]


async def test_an_opening_can_wait(served: Served) -> None:
    async with ChaosProxy(served.ws, ["stall:open/1", "stall:open+0.3/2-3"]) as proxy:
        with pytest.raises(TimeoutError):
            await connect(proxy.ws + RAW, open_timeout=0.2)
        async with streaming(proxy.port) as heard:
            await heard.socket.send_media(tones(400))
        assert heard.text == "f400"
        async with client(proxy.port) as sdk:
            assert (await sdk.auth.v1.tokens.grant(ttl_seconds=20)).expires_in == 20


async def test_recordings_pass(tmp_path: Path) -> None:
    here = Settings(data_dir=speech.MODELS.parent, max_legs=2)
    mine = Settings(data_dir=tmp_path)
    rate, samples = speech.leg("fr", "agent")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples[: 6 * rate].astype("<i2").tobytes())
    recording = out.getvalue()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(recording), 50_000):
            yield recording[at : at + 50_000]

    with serving(mine, lambda name, _: create_engine(name, here)) as served:
        async with ChaosProxy(served.http, ["delay:20"]) as proxy, client(proxy.port) as sdk:
            for body in (recording, pieces()):  # with a length, and without
                found = await sdk.listen.v1.media.transcribe_file(
                    request=body, model="nova-3", language="fr"
                )
                assert found.metadata.sha256 == hashlib.sha256(recording).hexdigest()
                assert found.results.channels[0].alternatives[0].transcript
    told = [happening.what for happening in proxy.happenings]
    assert told.count("the answer has ended") == 2


async def test_nobody_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with ChaosProxy(f"ws://127.0.0.1:{port}") as proxy, httpx.AsyncClient() as http:
        with pytest.raises(InvalidStatus) as caught:
            await connect(proxy.ws + RAW)
        answer = await http.post(f"{proxy.http}/v1/listen", content=bytes(1000))
    assert caught.value.response.status_code == answer.status_code == 502
    assert answer.json()["err_code"] == "BAD_GATEWAY"
    assert "cannot be reached" in answer.headers["dg-error"]


async def test_what_is_no_request_is_refused(served: Served) -> None:
    async with ChaosProxy(served.ws) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"\x16\x03\x01\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert proxy.connections == 0
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")


async def test_a_server_with_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key),
         "-out", str(certificate), "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serve(echo, "127.0.0.1", 0, ssl=context) as server:
        address = f"wss://localhost:{server.sockets[0].getsockname()[1]}"
        async with ChaosProxy(address) as proxy:
            # The server complains that it was not believed.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            with pytest.raises(InvalidStatus) as caught:
                await connect(proxy.ws)
            assert caught.value.response.status_code == 502
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            async with connect(proxy.ws) as socket:
                await socket.send("words")
                assert await socket.recv() == "words"
        async with ChaosProxy(address, ["drop@0.1"]) as proxy, connect(proxy.ws) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()


@pytest.mark.parametrize(
    "faults",
    [[], ["drop~0.05"], ["half-open@0"], ["stall:up", "stall:down"], ["delay:5000"], ["close:1011"],
     ["refuse:429"], ["stall:open"]],
    ids=" ".join,
)  # fmt: skip
async def test_nothing_is_left_when_it_closes(served: Served, faults: list[str]) -> None:
    process = psutil.Process()
    before = len(process.net_connections("tcp"))
    tasks = asyncio.all_tasks()
    clients = []

    async def visit(proxy: ChaosProxy) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(0.3):
                visitor = await connect(proxy.ws + RAW, close_timeout=0.1, open_timeout=0.2)
            clients.append(visitor)
            await visitor.send(tones(400) + bytes(32_000))

    async with ChaosProxy(served.ws, faults) as proxy:
        for _ in range(5):
            async with asyncio.TaskGroup() as visits:
                for _ in range(5):
                    visits.create_task(visit(proxy))
        port = proxy.port
    assert [c for c in process.net_connections("tcp") if c.laddr.port == port] == []
    for visitor in clients:
        await visitor.close()
    async with asyncio.timeout(10):
        while len(process.net_connections("tcp")) > before or asyncio.all_tasks() != tasks:
            await asyncio.sleep(0.02)


async def test_an_error_in_the_block_comes_through(served: Served) -> None:
    with pytest.raises(ZeroDivisionError):
        async with ChaosProxy(served.ws) as proxy, connect(proxy.ws + RAW):
            raise ZeroDivisionError


async def test_what_cannot_be_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        ChaosProxy("nowhere")
    with pytest.raises(ConfigurationError, match="no fault"):
        ChaosProxy("ws://x", ["fly"])
    with pytest.raises(RuntimeError, match="async with"):
        _ = ChaosProxy("ws://x").ws
    async with ChaosProxy("ws://x") as first:
        with pytest.raises(ConfigurationError, match=f"port {first.port} on 127.0.0.1 is taken"):
            await ChaosProxy("ws://x", port=first.port).__aenter__()
    with pytest.raises(ConfigurationError, match=r"cannot listen on 203\.0\.113\.1"):
        await ChaosProxy("ws://x", host="203.0.113.1").__aenter__()
