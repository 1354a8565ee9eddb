"""The way to a server: each step that can fail, over real sockets."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from callscribe.cli import route_checks
from callscribe.cli.findings import Finding, Guide, State
from callscribe.cli.route_checks import check_clock, check_route
from callscribe.settings import Settings
from tests.serving import Served


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "ws", "wss", "socks", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)


def to(address: str) -> Settings:
    return Settings.model_validate({"deepgram_base_url": address})


def seen(finding: Finding) -> tuple[State, Guide]:
    return finding.state, finding.guide


class Answering(BaseHTTPRequestHandler):
    """A server that answers without a date."""

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("ab") as both:
        both.write(path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """A server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"wss://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_is_there(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_route(to(served.ws))
    assert found.state is State.GOOD
    assert f"127.0.0.1:{served.port}: name " in found.detail
    assert "connection " in found.detail
    assert "TLS" not in found.detail
    monkeypatch.setattr(route_checks, "FAR", 0.0)
    assert seen(check_route(to(served.ws))) == (State.NOTE, Guide.HIGH_LATENCY)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..invalid"])
def test_a_name_that_nobody_has(host: str) -> None:
    found = check_route(to(f"wss://{host}"))
    assert seen(found) == (State.BAD, Guide.NO_CONNECTION)
    assert f"no address for {host}" in found.detail
    assert "DNS" in found.advice


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    found = check_route(to(f"wss://127.0.0.1:{port}"))
    assert seen(found) == (State.BAD, Guide.NO_CONNECTION)
    assert "firewall" in found.advice


@pytest.mark.parametrize("address", ["api.deepgram.com", "wss://host:99999", "wss://me@host"])
def test_what_is_no_address(address: str) -> None:
    found = check_route(to(address))
    assert seen(found) == (State.BAD, Guide.NO_CONNECTION)
    assert "DEEPGRAM_BASE_URL" in found.detail


def test_a_certificate_that_is_trusted(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrusted = check_route(to(secure))
    assert seen(untrusted) == (State.BAD, Guide.NO_CONNECTION)
    assert "SSL_CERT_FILE" in untrusted.advice
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    trusted = check_route(to(secure))
    assert trusted.state is State.GOOD
    assert "TLS " in trusted.detail


def test_a_server_without_tls(served: Served) -> None:
    found = check_route(to(served.ws.replace("ws:", "wss:")))
    assert seen(found) == (State.BAD, Guide.NO_CONNECTION)
    assert "ws:// instead of wss://" in found.advice


@pytest.mark.parametrize("code", route_checks.CERTIFICATE_DATES)
def test_a_certificate_out_of_its_time_means_the_clock(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code, error.verify_message = code, "certificate has expired"
        raise error

    monkeypatch.setattr(route_checks, "walk", fail)
    assert seen(check_route(to("wss://localhost"))) == (State.BAD, Guide.CLOCK)


def test_behind_a_proxy_the_way_goes_to_the_proxy(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{served.port}")
    monkeypatch.setenv("no_proxy", "")
    found = check_route(to("wss://api.deepgram.com"))
    assert found.state is State.GOOD
    assert f"127.0.0.1:{served.port}, a proxy before api.deepgram.com" in found.detail
    monkeypatch.setenv("https_proxy", "gopher://me:secret@x")
    wrong = check_route(to("wss://api.deepgram.com"))
    assert seen(wrong) == (State.BAD, Guide.NO_CONNECTION)
    assert "secret" not in f"{found}{wrong}"


@pytest.mark.parametrize(
    ("off", "state", "says"),
    [
        (0, State.GOOD, "within"),
        (240, State.GOOD, "within 24"),
        (3600, State.BAD, "60 minutes fast"),
        (-900, State.BAD, "15 minutes slow"),
    ],
)
def test_the_clock(served: Served, off: float, state: State, says: str) -> None:
    found = check_clock(to(served.ws), lambda: time.time() + off)
    assert found.state is state
    assert says in found.detail
    assert (found.guide is Guide.CLOCK) == (state is State.BAD)


def test_a_server_that_does_not_tell_its_time() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found = check_clock(to(f"ws://127.0.0.1:{server.server_port}"))
        server.shutdown()
        thread.join()
    assert found.state is State.NOTE
    assert "no date" in found.detail
