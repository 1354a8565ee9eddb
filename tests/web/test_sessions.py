"""Sessions over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.conftest import Dial
from tests.engines_for_tests import tones
from tests.serving import Served

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.http + "/api") as client:
        yield client


async def speak(dial: Dial, session_id: str) -> None:
    client = await dial(session_id=session_id, speaker="agent")
    await client.audio(tones(440, 600))
    await client.stop()


def test_begin_with_and_without_an_id(api: httpx.Client) -> None:
    named = api.post("/sessions", json={"session_id": "call-7"})
    assert named.status_code == 201
    assert named.json()["session_id"] == "call-7"
    assert named.json()["ended_at"] is None
    assert datetime.fromisoformat(named.json()["started_at"]).tzinfo is not None
    made = [
        api.post("/sessions").json()["session_id"],
        api.post("/sessions", json={}).json()["session_id"],
    ]
    listed = [session["session_id"] for session in api.get("/sessions").json()["sessions"]]
    assert listed == [made[1], made[0], "call-7"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"session_id": "call-7"}, 409, "session_exists"),
        ({"session_id": "../x"}, 422, "bad_session"),
        ({"session_id": 7}, 422, "bad_request"),
    ],
)
def test_begin_is_refused(
    api: httpx.Client, body: dict[str, object], status: int, code: str
) -> None:
    api.post("/sessions", json={"session_id": "call-7"})
    answer = api.post("/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_session_shows_its_legs_and_words(dial: Dial, api: httpx.Client) -> None:
    api.post("/sessions", json={"session_id": "call"})
    await speak(dial, "call")
    shown = api.get("/sessions/call").json()
    assert shown["legs"] == [
        {
            "speaker": "agent",
            "state": "ended",
            "sample_rate": 16_000,
            "encoding": "linear16",
            "language": "fr",
            "engine": "whisper",
            "received": 27_200,
            "duration": 1.7,
            "recording": "",
            "first": 0,
            "settled": 27_200,
        }
    ]
    transcript = shown["transcript"]
    assert [u["text"] for u in transcript["utterances"]] == ["f440", "f600"]
    assert transcript["utterances"][0]["words"][0]["start"] == 0.1


async def test_downloads(dial: Dial, api: httpx.Client) -> None:
    api.post("/sessions", json={"session_id": "call"})
    await speak(dial, "call")
    for form, suffix, kind in [
        ("text", "txt", "text/plain"),
        ("json", "json", "application/json"),
        ("srt", "srt", "application/x-subrip"),
        ("vtt", "vtt", "text/vtt"),
    ]:
        answer = api.get("/sessions/call/transcript", params={"format": form})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        disposition = answer.headers["content-disposition"]
        assert disposition == f'attachment; filename="call.{suffix}"'
        assert "f440" in answer.text
    assert "f600" in api.get("/sessions/call/transcript").text
    wrong = api.get("/sessions/call/transcript", params={"format": "doc"})
    assert wrong.status_code == 422
    assert "'vtt'" in wrong.json()["detail"][0]["msg"]


async def test_events_since(dial: Dial, api: httpx.Client) -> None:
    api.post("/sessions", json={"session_id": "call"})
    await speak(dial, "call")
    events = api.get("/sessions/call/events").json()["events"]
    assert [e["type"] for e in events if e["type"] != "notice"] == [
        "session_started",
        "leg_started",
        "final",
        "final",
        "leg_ended",
    ]
    later = api.get("/sessions/call/events", params={"since": events[2]["seq"]}).json()["events"]
    assert later == events[3:]
    assert api.get("/sessions/call/events", params={"since": -1}).status_code == 422


async def test_the_end_waits_for_the_last_words_and_saves_them(
    served: Served, dial: Dial, api: httpx.Client
) -> None:
    api.post("/sessions", json={"session_id": "call"})
    client = await dial(session_id="call", speaker="agent")
    await client.audio(tones(440, gap=0.0))
    await client.send(type="nonsense")
    await client.until("error")  # so that the audio has arrived
    ended = api.post("/sessions/call/end").json()
    assert ended["ended_at"] is not None
    assert [u["text"] for u in ended["transcript"]["utterances"]] == ["f440"]
    assert (await client.until("ended"))["seconds"] == 0.3
    assert (await client.closed())[0] == 1000
    again = api.post("/sessions/call/end")
    assert (again.status_code, again.json()) == (200, ended)
    folder = Path(served.context.settings.data_dir) / "transcripts" / "call"
    assert json.loads((folder / "transcript.json").read_text())
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".srt", ".txt", ".vtt"]


def test_delete(api: httpx.Client) -> None:
    api.post("/sessions", json={"session_id": "call"})
    assert api.delete("/sessions/call").status_code == 204
    assert api.get("/sessions/call").status_code == 404
    assert api.post("/sessions", json={"session_id": "call"}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions/nobody"),
        ("DELETE", "/sessions/nobody"),
        ("POST", "/sessions/nobody/end"),
        ("GET", "/sessions/nobody/transcript"),
        ("GET", "/sessions/nobody/events"),
    ],
)
def test_a_session_that_is_not_there(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "no_such_session"
    assert answer.json()["retryable"] is False
