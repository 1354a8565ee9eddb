"""A call on this machine alone: what Whisper was unsure of is heard again, and both are kept."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from callscribe.engines import create_engine
from callscribe.settings import Settings
from callscribe.wer import word_errors
from tests import speech
from tests.serving import AudioClient, serving

pytestmark = pytest.mark.anyio

SECONDS = 30
EVERY = 8000 // 5 * 2


async def get(address: str) -> Any:
    def read() -> Any:
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    return await asyncio.to_thread(read)


async def test_both_hearings_are_kept_and_the_second_is_shown(tmp_path: Path) -> None:
    here = Settings(data_dir=speech.MODELS.parent, max_legs=4)
    (tmp_path / "transcription_config.json").write_text(
        json.dumps({"transcription_backend": "whisper", "unsure_below": {"fr": 1.0}})
    )
    with serving(Settings(data_dir=tmp_path), lambda name, _: create_engine(name, here)) as served:
        rate, samples = speech.leg("fr", "technician")
        client = await AudioClient.start(served, speaker="technician", sample_rate=rate)
        session_id = client.ready["session_id"]
        pcm = samples[: SECONDS * rate].astype("<i2").tobytes()
        for at in range(0, len(pcm), EVERY):
            await client.socket.send(pcm[at : at + EVERY])
        await client.send(type="stop")
        await client.until("ended")
        await client.socket.close()
        address = f"{served.http}/api/sessions/{session_id}"
        finals = [e for e in (await get(f"{address}/events"))["events"] if e["type"] == "final"]
        session = await get(address)

    first = {e["utterance_id"]: e for e in finals if not e["revision"] and not e["heard_again"]}
    again = [e for e in finals if e["heard_again"]]
    assert again
    assert {e["heard_again"] for e in again} == {"whisper"}
    assert all(first[e["utterance_id"]]["unsure"] for e in again)
    assert all(first[e["utterance_id"]]["text"] != e["text"] for e in again)
    latest = {e["utterance_id"]: e["text"] for e in finals if e["text"]}
    assert {u["unsure"] for u in session["transcript"]["utterances"]} == {True}  # under 1.0 still
    shown = {u["utterance_id"]: u["text"] for u in session["transcript"]["utterances"]}
    assert shown == latest
    by = {u["utterance_id"]: u["heard_again"] for u in session["transcript"]["utterances"]}
    assert {which for which, engine in by.items() if engine} == {e["utterance_id"] for e in again}
    said = [
        u.text for u in speech.script("fr") if u.speaker == "technician" and u.end < SECONDS - 1
    ]
    before, after = (
        word_errors(" ".join(said), " ".join(texts)).rate
        for texts in ([e["text"] for e in first.values()], shown.values())
    )
    # Here even what is sure is heard again; words in wrong places would cost far more.
    assert after <= before + 0.15
