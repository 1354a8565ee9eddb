"""A whole server whose database is locked, full or gone in mid-call: the call goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import httpx
import pytest

from callscribe.settings import Settings
from tests.engines_for_tests import tones
from tests.postgres import PostgresServer
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio


async def _begin(served: Served) -> AudioClient:
    async with httpx.AsyncClient() as http:
        await http.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    client = await AudioClient.start(served, session_id="call", speaker="agent")
    await _say(client, 440)
    return client


async def _say(client: AudioClient, tone: int) -> None:
    await client.audio(tones(tone))
    while (await client.until("final"))["text"] != f"f{tone}":
        pass


async def _told(served: Served, code: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient() as http:
        while True:
            answer = await http.get(f"{served.http}/api/sessions/call/events")
            codes = [e.get("code") for e in answer.json().get("events", [])]
            if code in codes:
                return
            await asyncio.sleep(0.1)


async def _end(served: Served, client: AudioClient) -> None:
    await client.hang_up()
    async with httpx.AsyncClient(timeout=30) as http:
        await http.post(f"{served.http}/api/sessions/call/end")


def _kept(settings: Settings) -> list[str]:
    """What another process finds in the store."""
    with serving(settings) as again:
        call = httpx.get(f"{again.http}/api/sessions/call").json()
        events = httpx.get(f"{again.http}/api/sessions/call/events").json()["events"]
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    assert call["state"] == "ended"
    return [u["text"] for u in call["transcript"]["utterances"]]


async def test_a_database_that_another_program_locks(settings: Settings) -> None:
    with serving(settings) as served:
        client = await _begin(served)
        other = sqlite3.connect(settings.data_dir / "callscribe.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await _say(client, 600)
        await _told(served, "store_away")
        await _say(client, 800)
        journal = settings.data_dir / "journal.jsonl"
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600
        async with httpx.AsyncClient() as http:
            kept = await http.delete(f"{served.http}/api/sessions/call")
        assert (kept.status_code, kept.json()["code"]) == (503, "store_failed")
        other.execute("ROLLBACK")
        other.close()
        await _told(served, "store_back")
        await _say(client, 1000)
        await _end(served, client)
        assert served.context.ledger.keeper.counts["unwritten"] == 0
    assert not (settings.data_dir / "journal.jsonl").exists()
    assert await asyncio.to_thread(_kept, settings) == ["f440", "f600", "f800", "f1000"]


async def test_a_server_that_is_told_to_end_while_its_database_is_locked(
    settings: Settings,
) -> None:
    """What the journal holds then goes into the store at the next start."""
    with serving(settings) as served:
        client = await _begin(served)
        other = sqlite3.connect(settings.data_dir / "callscribe.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await _say(client, 600)
        await _told(served, "store_away")
        await _end(served, client)
    other.execute("ROLLBACK")
    other.close()
    assert await asyncio.to_thread(_kept, settings) == ["f440", "f600"]


async def test_a_postgresql_that_is_stopped_in_mid_call(
    settings: Settings, postgres: str, postgres_server: PostgresServer
) -> None:
    here = settings.model_copy(update={"database_url": postgres})
    with serving(here) as served:
        client = await _begin(served)
        await asyncio.to_thread(postgres_server.stop, "immediate")
        try:
            await _say(client, 600)
            await _told(served, "store_away")
            async with httpx.AsyncClient() as http:
                past = await http.get(f"{served.http}/api/sessions/other")
            assert past.status_code == 503
        finally:
            await asyncio.to_thread(postgres_server.start, "fsync=off")
        await _told(served, "store_back")
        await _say(client, 800)
        await _end(served, client)
    assert await asyncio.to_thread(_kept, here) == ["f440", "f600", "f800"]


async def test_a_disk_that_is_full(settings: Settings, tmp_path: Path) -> None:
    """Neither the database nor the journal takes anything: it is said, and words still come."""
    with serving(settings) as served:
        client = await _begin(served)
        (tmp_path / "journal.jsonl").mkdir()  # takes no lines
        other = sqlite3.connect(settings.data_dir / "callscribe.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await _say(client, 600)
        await _told(served, "store_away")
        assert served.context.ledger.keeper.counts["unwritten"] > 0
        other.execute("ROLLBACK")
        other.close()
        (tmp_path / "journal.jsonl").rmdir()
        await _told(served, "store_back")
        await _end(served, client)
    assert await asyncio.to_thread(_kept, settings) == ["f440", "f600"]
