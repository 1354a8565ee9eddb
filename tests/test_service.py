"""The façade: sessions by id, audio in, transcripts out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callscribe.errors import (
    CapacityError,
    LegNotFound,
    SessionClosed,
    SessionError,
    SessionNotFound,
)
from callscribe.events import Notice
from callscribe.ladder import Ladders
from callscribe.settings import TranscriptionConfig
from callscribe.store import FileJournal, create_store
from tests.calls import calls
from tests.engines_for_tests import EnergyEngine, tones

pytestmark = pytest.mark.anyio


def configured(**values: object) -> TranscriptionConfig:
    return TranscriptionConfig.model_validate(values)


async def test_a_call_from_beginning_to_end() -> None:
    async with calls() as call:
        service = call.service
        session_id = await service.initialize_session("call-7")
        assert session_id == "call-7"
        await service.process_audio_stream("call-7", "agent", tones(440, 600))
        audio = tones(800, rate=8_000)
        await service.process_audio_stream("call-7", "technician", audio, sample_rate=8_000)
        assert sorted(service.streaming_connections) == ["call-7_agent", "call-7_technician"]
        transcript = await service.end_session("call-7")
        assert transcript.of("agent") == "f440 f600"
        assert transcript.of("technician") == "f800"
        assert await service.end_session("call-7") is transcript
        assert dict(service.streaming_connections) == {}


async def test_audio_before_the_session_is_refused() -> None:
    async with calls() as call:
        with pytest.raises(SessionNotFound):
            await call.service.process_audio_stream("nobody", "agent", b"ab")
        session_id = await call.service.initialize_session()
        await call.service.end_session(session_id)
        with pytest.raises(SessionClosed):
            await call.service.process_audio_stream(session_id, "agent", b"ab")
        with pytest.raises(LegNotFound):
            await call.service.end_leg(session_id, "agent")


@pytest.mark.parametrize("session_id", ["-x", "a b", "é", "x" * 65, "../etc", "a/b"])
async def test_ids_that_cannot_be(session_id: str) -> None:
    async with calls() as call:
        with pytest.raises(SessionError) as caught:
            await call.service.initialize_session(session_id)
        assert caught.value.code == "bad_session"


async def test_an_id_is_used_once() -> None:
    async with calls() as call:
        await call.service.initialize_session("call")
        with pytest.raises(SessionError) as caught:
            await call.service.initialize_session("call")
        assert caught.value.code == "session_exists"


async def test_an_id_is_used_once_however_quick_two_are(tmp_path: Path) -> None:
    store = await create_store(str(tmp_path / "calls.db"))
    async with calls() as call:
        await call.service._ledger.open(store, FileJournal(tmp_path / "journal"))
        begun = await asyncio.gather(
            *(call.service.initialize_session("call") for _ in range(3)), return_exceptions=True
        )
        assert sum(isinstance(answer, SessionError) for answer in begun) == 2
        await call.service.close()
        await call.service._ledger.close()
    assert [e["type"] for e in await store.events("call")] == ["session_started", "session_ended"]
    await store.close()


async def test_a_session_keeps_the_configuration_it_started_with() -> None:
    async with calls() as call:
        before = await call.session()
        call.configuration.current = configured(transcription_language="en")
        after = await call.session()
        given = await call.service.initialize_session(config=configured(endpointing_ms=300))
        assert before.config.transcription_language == "fr"
        assert after.config.transcription_language == "en"
        assert call.service.session(given).config.endpointing_ms == 300


async def test_a_missing_engine_is_said_once_and_calmly() -> None:
    async with calls() as call:
        call.configuration.current = configured(transcription_backend="deepgram")
        with capture_logs() as logs:
            sessions = [await call.session() for _ in range(3)]
        said = [line["log_level"] for line in logs if line["event"] == "engine_stand_in"]
        assert said == ["info"]
        for session in sessions:
            assert not [e for e in call.events(session.session_id) if isinstance(e, Notice)]
            assert session.engine_name == "whisper"


async def test_a_stand_in_says_that_it_redacts_nothing() -> None:
    async with calls() as call:
        call.configuration.current = configured(deepgram_redact=["pci"])
        session = await call.session()
        (notice,) = [e for e in call.events(session.session_id) if isinstance(e, Notice)]
        assert notice.code == "engine_stand_in"
        assert notice.message.startswith("whisper listens. Nothing is redacted")


@pytest.mark.parametrize(
    ("backend", "code"), [("deepgram", "engine_stand_in"), ("whisper", "voices_not_told_apart")]
)
async def test_whisper_says_that_it_tells_no_voices_apart(backend: str, code: str) -> None:
    async with calls() as call:
        call.configuration.current = configured(
            transcription_backend=backend, deepgram_diarize=True
        )
        session = await call.session()
        (notice,) = [e for e in call.events(session.session_id) if isinstance(e, Notice)]
        assert notice.code == code
        assert "Voices on one line are not told apart" in notice.message
        call.configuration.current = configured(transcription_backend=backend)
        quiet = await call.session()
        assert not [e for e in call.events(quiet.session_id) if isinstance(e, Notice)]


async def test_the_wanted_engine_is_taken_where_it_is_there() -> None:
    async with calls() as call:
        engines = call.service._ladders._engines
        call.service._ladders = Ladders({**engines, "deepgram": EnergyEngine(name="deepgram")})
        call.configuration.current = configured(transcription_backend="deepgram")
        assert (await call.session()).engine_name == "deepgram"


async def test_events_are_replayed_and_followed() -> None:
    async with calls() as call:
        service = call.service
        with pytest.raises(SessionNotFound):
            service.subscribe("nobody")
        session_id = await service.initialize_session()
        await service.process_audio_stream(session_id, "agent", tones(440))
        subscription = service.subscribe(session_id)
        await service.end_session(session_id)
        seen = [event async for event in subscription]
        assert [event.type for event in seen] == [
            "session_started",
            "leg_started",
            "final",
            "leg_ended",
            "session_ended",
        ]
        assert service.history(session_id, since=seen[2].seq) == seen[3:]
        assert service.transcript(session_id).text == "f440"


async def test_closing_loses_nothing_and_takes_nothing_new() -> None:
    async with calls() as call:
        service = call.service
        call.engine.close_delay = 0.02
        ids = [await service.initialize_session() for _ in range(5)]
        for session_id in ids:
            await service.process_audio_stream(session_id, "agent", tones(440, gap=0.0))
        await asyncio.gather(service.close(), service.close())
        assert [service.transcript(session_id).text for session_id in ids] == ["f440"] * 5
        with pytest.raises(CapacityError) as caught:
            await service.initialize_session()
        assert caught.value.code == "shutting_down"
        assert not call.engine.closed  # who made it closes it


async def test_deleting_ends_and_forgets() -> None:
    async with calls() as call:
        session_id = await call.service.initialize_session("call")
        await call.service.process_audio_stream(session_id, "agent", tones(440))
        await call.service.delete_session(session_id)
        assert call.service.sessions() == []
        assert call.events(session_id) == []
        assert await call.service.initialize_session("call") == "call"


async def test_a_full_engine_takes_no_new_session() -> None:
    async with calls() as call:
        session = await call.session()
        await call.service.open_leg(session.session_id, "agent")
        engine = call.service._ladders._engines["whisper"]
        assert isinstance(engine, EnergyEngine)
        engine.max_legs = 1
        with pytest.raises(CapacityError, match="taken"):
            await call.service.initialize_session()
        await call.service.end_leg(session.session_id, "agent")
        await call.service.initialize_session()


async def test_deleting_twice_at_once_is_nothing() -> None:
    async with calls() as call:
        session_id = (await call.session()).session_id
        await asyncio.gather(*(call.service.delete_session(session_id) for _ in range(2)))
        with pytest.raises(SessionNotFound):
            call.service.session(session_id)
