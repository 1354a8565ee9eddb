"""Calls of the past and of the present, with a store that may be away."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

import httpx
import pytest

from callscribe.errors import StoreError
from callscribe.events import Event
from callscribe.settings import Settings
from callscribe.talk import Talk
from tests.engines_for_tests import tones
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio


async def _call(served: Served, session_id: str, *frequencies: int) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": session_id})
    client = await AudioClient.start(served, session_id=session_id, speaker="agent")
    await client.audio(tones(*frequencies))
    await client.hang_up()
    httpx.post(f"{served.http}/api/sessions/{session_id}/end", timeout=20)


async def test_a_call_of_the_past_is_told_as_it_was(settings: Settings) -> None:
    with serving(settings) as served:
        await _call(served, "call", 440, 600)
        was = httpx.get(f"{served.http}/api/sessions/call").json()
        events = httpx.get(f"{served.http}/api/sessions/call/events").json()
    with serving(settings) as again:
        api = f"{again.http}/api/sessions"
        told = httpx.get(f"{api}/call").json()
        for leg in was["legs"]:  # what only the server knows that had the leg
            leg |= {"recording": "", "first": 0, "settled": None}
        assert told == was
        assert [leg["encoding"] for leg in told["legs"]] == ["linear16"]
        assert told["stats"]["speakers"]["agent"]["words"] == 2
        later = httpx.get(f"{api}/call/events").json()["events"]
        assert later[: len(events["events"])] == events["events"]
        assert "f440" in httpx.get(f"{api}/call/transcript").text
        assert httpx.post(f"{api}/call/end").json()["state"] == "ended"
        taken = httpx.post(api, json={"session_id": "call"})
        assert (taken.status_code, taken.json()["code"]) == (409, "session_exists")
        assert httpx.delete(f"{api}/call").status_code == 204
        assert httpx.delete(f"{api}/call").status_code == 404
        assert httpx.get(f"{api}/call/results").status_code == 404


async def test_the_figures_of_a_call_are_computed_once_for_an_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    computed = []
    compute = Talk.to_dict

    def counting(talk: Talk) -> dict[str, Any]:
        computed.append(talk)
        return compute(talk)

    monkeypatch.setattr(Talk, "to_dict", counting)
    assert httpx.get(f"{served.http}/api/sessions/call").json()["stats"]
    assert len(computed) == 1


async def test_the_figures_of_a_past_call_do_not_hold_up_those_that_are_spoken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(settings) as served:
        await _call(served, "call", 440)
    threads = set()
    apply = Talk.apply

    def noting(talk: Talk, event: Event) -> bool:
        threads.add(threading.current_thread().name)
        return apply(talk, event)

    monkeypatch.setattr(Talk, "apply", noting)
    with serving(settings) as again:
        assert httpx.get(f"{again.http}/api/sessions/call").json()["stats"]
    assert {name.partition("_")[0] for name in threads} <= {"uvloop", "asyncio"}, "helpers"
    assert threads


async def test_calls_are_found_by_what_was_said(served: Served) -> None:
    await _call(served, "one", 440, 600)
    await _call(served, "two", 440, 800)
    api = f"{served.http}/api/sessions"

    def found(**query: str) -> list[str]:
        answer = httpx.get(api, params=query)
        assert answer.status_code == 200, answer.text
        return [c["session_id"] for c in answer.json()["sessions"]]

    assert found() == ["two", "one"]
    assert found(q="F440") == ["two", "one"]
    assert found(q="f800") == ["two"]
    assert found(q="f4 f9") == []
    assert found(limit="1") == ["two"]
    (match,) = httpx.get(api, params={"q": "f600"}).json()["sessions"][0]["matches"]
    assert (match["utterance_id"], match["speaker"]) == ("agent-2", "agent")
    began = httpx.get(api).json()["sessions"][0]["started_at"]
    assert found(before=began) == ["one"]
    assert httpx.get(api, params={"limit": 0}).status_code == 422


async def test_a_running_call_is_read_while_the_store_is_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    client = await AudioClient.start(served, session_id="call", speaker="agent")
    await client.audio(tones(440))
    await client.until("final")

    async def away(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    store = served.context.ledger.store
    for name in ("append", "call", "calls", "events", "gaps", "results", "transcript"):
        monkeypatch.setattr(store, name, away)
    await client.audio(tones(600))
    assert (await client.until("final"))["text"] == "f600"
    api = f"{served.http}/api/sessions"
    told = httpx.get(f"{api}/call").json()
    assert [u["text"] for u in told["transcript"]["utterances"]] == ["f440", "f600"]
    assert told["state"] == "running"
    assert [c["session_id"] for c in httpx.get(api).json()["sessions"]] == ["call"]
    kinds = [e["type"] for e in httpx.get(f"{api}/call/events").json()["events"]]
    assert kinds.count("final") == 2
    assert httpx.get(f"{api}/other").status_code in (404, 503)
    searched = httpx.get(api, params={"q": "f440"})
    assert (searched.status_code, searched.json()["code"]) == (503, "store_failed")
    monkeypatch.undo()
    await client.hang_up()
    ended = httpx.post(f"{api}/call/end", timeout=20).json()
    assert len(ended["transcript"]["utterances"]) == 2


async def test_a_call_begins_while_the_store_can_be_read_and_takes_nothing(
    served: Served, settings: Settings
) -> None:
    """As when its disk is full, or another program writes for long."""
    api = f"{served.http}/api/sessions"
    httpx.post(api, json={"session_id": "old"})
    with sqlite3.connect(settings.data_dir / "callscribe.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = httpx.post(api, json={"session_id": "new"}, timeout=20)
        assert (begun.status_code, begun.json()["state"]) == (201, "running")
        client = await AudioClient.start(served, session_id="old", speaker="agent")
        await client.audio(tones(440))
        await client.until("final")
        assert served.context.ledger.away
        for name, said in (("new", 0), ("old", 1)):
            told = httpx.get(f"{api}/{name}", timeout=20).json()
            assert (told["utterances"], len(told["transcript"]["utterances"])) == (said, said)
            form = {"format": "deepgram"}
            assert httpx.get(f"{api}/{name}/transcript", params=form).status_code == 200
            assert httpx.get(f"{api}/{name}/results").status_code == 200
        assert [c["session_id"] for c in httpx.get(api).json()["sessions"]] == ["new", "old"]
        other.execute("ROLLBACK")
    await client.hang_up()


async def test_roles_are_exchanged_over_http(served: Served) -> None:
    api = f"{served.http}/api/sessions"
    httpx.post(api, json={"session_id": "call"})
    clients = [
        await AudioClient.start(served, session_id="call", speaker=speaker)
        for speaker in ("agent", "technician")
    ]
    for client, tone in zip(clients, (440, 880), strict=True):
        await client.audio(tones(tone))
        await client.until("final")
    told = httpx.post(f"{api}/call/swap", json={"speakers": ["agent", "technician"]}).json()
    said = {u["text"]: u["speaker"] for u in told["transcript"]["utterances"]}
    assert said == {"f440": "technician", "f880": "agent"}
    await clients[0].audio(tones(660))
    assert (await clients[0].until("final"))["speaker"] == "technician"
    wrong = httpx.post(f"{api}/call/swap", json={"speakers": ["agent", "nobody"]})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "no_such_leg")
    assert httpx.post(f"{api}/call/swap", json={"speakers": ["agent"]}).status_code == 422
    for client in clients:
        await client.hang_up()
    ended = httpx.post(f"{api}/call/end", timeout=20).json()
    assert {u["text"]: u["speaker"] for u in ended["transcript"]["utterances"]} == said | {
        "f660": "technician"
    }
