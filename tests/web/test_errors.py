"""The mapping of errors to HTTP and close codes."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from urllib.error import URLError

import httpx
import pytest
from fastapi import FastAPI

from callscribe import errors as tree
from callscribe.errors import CallscribeError, EngineError, SessionNotFound, reason_of
from callscribe.web import errors
from tests.serving import Served

SOURCE = Path(errors.__file__).parents[1]


def classes(base: type[CallscribeError] = CallscribeError) -> list[type[CallscribeError]]:
    return [base, *(deep for sub in base.__subclasses__() for deep in classes(sub))]


@pytest.mark.parametrize("kind", [kind for kind in classes() if kind is not CallscribeError])
def test_every_class_has_its_codes(kind: type[CallscribeError]) -> None:
    assert kind.code in errors.CODES
    assert kind.__name__ in (tree.__doc__ or "")


def test_every_code_in_the_source_is_mapped_or_takes_its_classes() -> None:
    """A code made up on the spot falls back to its class; those of sockets must be named."""
    used = {
        code
        for path in (SOURCE / "web").rglob("*.py")
        for code in re.findall(r"Error\([^)]*code=\"(\w+)\"", path.read_text(), re.DOTALL)
    }
    harmless = {"repeated_start", "unknown_message"}  # said on a socket that goes on
    assert used - harmless <= set(errors.CODES)


def test_an_unknown_code_counts_as_its_class() -> None:
    assert errors.http_status(SessionNotFound("x", code="new")) == 404
    assert errors.close_code(EngineError("x", code="new")) == 1011
    assert errors.http_status(CallscribeError("x")) == 500


def test_the_body_of_an_error() -> None:
    response = errors.error_response(SessionNotFound("gone"))
    assert json.loads(bytes(response.body)) == {
        "code": "no_such_session",
        "message": "gone",
        "retryable": False,
    }


def test_full_says_when_to_come_back() -> None:
    response = errors.error_response(tree.CapacityError("full"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("DELETE", "/api/status", 405, "method_not_allowed"),
        ("GET", "/static/../secrets", 404, "not_found"),
        ("GET", "/static/%2e%2e/app.py", 404, "not_found"),
    ],
)
def test_every_refusal_has_the_one_form(
    served: Served, method: str, path: str, status: int, code: str
) -> None:
    answer = httpx.request(method, served.http + path)
    assert answer.status_code == status
    assert answer.json()["code"] == code


def test_a_bug_is_not_told_in_detail(served: Served) -> None:
    app = served.server.config.app
    assert isinstance(app, FastAPI)

    async def broken() -> None:
        raise ZeroDivisionError("a detail of the inside")

    app.router.add_api_route("/broken", broken)
    answer = httpx.get(served.http + "/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "inside" not in answer.text
    assert httpx.get(served.http + "/healthz").status_code == 200


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "Connection refused"),
        (URLError(ConnectionRefusedError(111, "no")), "Connection refused"),
        (URLError("no host given"), "URLError: <urlopen error no host given>"),
        (socket.gaierror(-2, "Name not known"), "gaierror: [Errno -2] Name not known"),
        (ValueError("no"), "ValueError: no"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_reasons_are_told_in_words(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
