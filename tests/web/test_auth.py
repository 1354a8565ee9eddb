"""Who may come in."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callscribe.settings import Settings
from callscribe.web.auth import is_loopback
from tests.serving import Served, serving

pytestmark = pytest.mark.anyio

KEY = "correct-horse"
SOCKETS = ["/ws/audio", "/ws/sessions/x/events", "/ws/nothing"]


@pytest.fixture
def locked(settings: Settings) -> Iterator[Served]:
    """A server with two keys."""
    keys = {"api_keys": f"other, {KEY}"}
    with serving(Settings.model_validate({**settings.model_dump(), **keys})) as running:
        yield running


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),  # noqa: S104 - it is refused
        ("::", False),
        ("", False),
        ("192.168.1.2", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_what_loopback_is(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": "Bearer é".encode("latin-1")},
    ],
)
@pytest.mark.parametrize("path", ["/api/status", "/api/sessions", "/api/nothing"])
def test_without_a_right_key_nothing_of_the_api_answers(
    locked: Served, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.get(locked.http + path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert KEY not in answer.text


def test_a_wrong_key_is_called_wrong(locked: Served) -> None:
    for key, what in (("", "this server wants a key"), ("nonsense", "none of the keys")):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = httpx.get(locked.http + "/api/status", headers=headers)
        assert answer.status_code == 401
        message = answer.json()["message"]
        assert what in message
        assert "CALLSCRIBE_API_KEYS" in message
        assert "nonsense" not in message


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
@pytest.mark.parametrize("key", [KEY, "other"])
def test_any_key_opens(locked: Served, scheme: str, key: str) -> None:
    answer = httpx.get(locked.http + "/api/status", headers={"Authorization": f"{scheme} {key}"})
    assert answer.json()["auth_required"] is True


def test_health_and_pages_are_open(locked: Served) -> None:
    for path in ("/healthz", "/config", "/openapi.json"):
        assert httpx.get(locked.http + path).status_code == 200


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("offered", [None, ["token", "wrong"], ["token"], [KEY]])
async def test_sockets_say_why_they_close(
    locked: Served, path: str, offered: list[str] | None
) -> None:
    async with connect(locked.ws + path, subprotocols=offered) as socket:
        message = json.loads(await socket.recv())
        assert (message["type"], message["code"]) == ("error", "unauthorized")
        assert message["fatal"] is True
        assert KEY not in str(message)
        await socket.wait_closed()
        assert socket.close_code == 1008


async def test_sockets_take_the_key_as_header_or_subprotocol(locked: Served) -> None:
    path = locked.ws + "/ws/sessions/nobody/events"
    header = {"Authorization": f"Token {KEY}"}
    async with connect(path, additional_headers=header) as socket:
        assert json.loads(await socket.recv())["code"] == "no_such_session"
    async with connect(path, subprotocols=["token", KEY]) as socket:
        assert socket.subprotocol == "token"
        assert json.loads(await socket.recv())["code"] == "no_such_session"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "192.168.1.2", "[", ""])
def test_without_keys_only_local_names_are_answered(served: Served, host: str) -> None:
    for path in ("/api/status", "/config", "/"):
        answer = httpx.get(served.http + path, headers={"Host": host})
        assert answer.status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8000", "[::1]"])
def test_local_names_are_answered(served: Served, host: str) -> None:
    assert httpx.get(served.http + "/api/status", headers={"Host": host}).status_code == 200


def test_with_keys_any_name_is_answered(locked: Served) -> None:
    headers = {"Host": "calls.example", "Authorization": f"Bearer {KEY}"}
    assert httpx.get(locked.http + "/api/status", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_a_foreign_page_can_do_nothing(served: Served, origin: str) -> None:
    headers = {"Origin": origin}
    answer = httpx.post(served.http + "/api/sessions", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    put = httpx.put(served.http + "/api/config/transcription", headers=headers, json={})
    assert put.status_code == 403
    for path in SOCKETS:
        with pytest.raises(InvalidStatus) as caught:
            await connect(served.ws + path, additional_headers=headers)
        assert caught.value.response.status_code == 403
    assert served.context.service.sessions() == []


async def test_our_own_page_can(served: Served) -> None:
    headers = {"Origin": served.http}
    assert httpx.post(served.http + "/api/sessions", headers=headers).status_code == 201
    async with connect(served.ws + "/ws/audio", additional_headers=headers):
        pass


async def test_by_a_name_that_points_here_no_socket_opens(served: Served) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    with pytest.raises(InvalidStatus):
        await connect(served.ws + "/ws/audio", additional_headers=headers)
