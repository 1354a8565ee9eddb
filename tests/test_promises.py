"""The promises of the original design, by name and by use."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.server import ServerConnection

from callscribe.bus import create_bus
from callscribe.configuration import ConfigurationStore
from callscribe.engines import create_engine
from callscribe.engines.base import EngineEvent, TranscriptionEngine
from callscribe.engines.deepgram import DeepgramStreamingConnection, DeepgramTranscriptionService
from callscribe.errors import ConfigurationError
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings, TranscriptionConfig
from callscribe.transcript import Result
from tests.engines.deepgram.upstream import upstream
from tests.engines_for_tests import EnergyEngine, tones
from tests.serving import Served

pytestmark = pytest.mark.anyio


def test_the_engine_has_the_promised_signature() -> None:
    parameters = list(inspect.signature(TranscriptionEngine.transcribe_streaming).parameters)
    assert parameters[1:5] == ["session_id", "language", "sample_rate", "on_transcript"]


def test_the_defaults() -> None:
    config = TranscriptionConfig.model_validate({})
    assert config.transcription_backend == "deepgram"
    assert config.transcription_language == "fr"
    assert config.deepgram_use_streaming is True
    assert Settings.model_fields["port"].default == 8000


def test_the_configuration_file_has_its_name(settings: Settings) -> None:
    assert settings.config_file.name == "transcription_config.json"


def test_without_a_key_there_is_no_deepgram(settings: Settings) -> None:
    bare = settings.model_copy(update={"deepgram_api_key": None})
    with pytest.raises(ConfigurationError, match="DEEPGRAM_API_KEY"):
        create_engine("deepgram", bare)


async def test_the_facade_by_use(settings: Settings, tmp_path: Path) -> None:
    """A technician at 8 kHz and an agent at 16 kHz, each a connection of their own."""
    service = EnhancedTranscriptionService(
        settings,
        engines={"whisper": EnergyEngine()},
        bus=create_bus(),
        configuration=ConfigurationStore(tmp_path / "transcription_config.json"),
    )
    async with service:
        session_id = await service.initialize_session()
        await service.process_audio_stream(session_id, "agent", tones(440), sample_rate=16_000)
        telephone = tones(600, rate=8_000)
        await service.process_audio_stream(session_id, "technician", telephone, sample_rate=8_000)
        connections = service.streaming_connections
        assert set(connections) == {f"{session_id}_agent", f"{session_id}_technician"}
        for connection in connections.values():
            assert connection.is_connected
            assert inspect.iscoroutinefunction(connection.send_audio)
            assert inspect.iscoroutinefunction(connection.close)
        transcript = await service.end_session(session_id)
        assert transcript.of("agent") == "f440"
        assert transcript.of("technician") == "f600"


async def test_the_deepgram_service_by_use(served: Served) -> None:
    heard: list[EngineEvent] = []
    service = DeepgramTranscriptionService("key", base_url=served.ws)
    connection = await service.transcribe_streaming("s", "fr", 16_000, heard.append)
    assert isinstance(connection, DeepgramStreamingConnection)
    assert connection.is_connected
    await connection.send_audio(tones(440))
    await connection.close()
    assert not connection.is_connected
    finals = [e for e in heard if isinstance(e, Result) and e.is_final and e.text]
    assert [final.text for final in finals] == ["f440"]
    await service.close()


async def test_the_deepgram_options_on_the_wire() -> None:
    asked: list[dict[str, list[str]]] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(parse_qs(urlsplit(connection.request.path).query))
        await connection.wait_closed()

    async with upstream(note) as address:
        service = DeepgramTranscriptionService("key", base_url=address)
        await service.transcribe_streaming("s", "fr", 8_000, lambda _: None)
    await service.close()
    assert asked == [
        {
            "model": ["nova-3"],
            "language": ["fr"],
            "smart_format": ["true"],
            "punctuate": ["true"],
            "encoding": ["linear16"],
            "sample_rate": ["8000"],
            "channels": ["1"],
            "interim_results": ["true"],
            "utterance_end_ms": ["1000"],
            "vad_events": ["true"],
        }
    ]


def test_configuration_over_http_and_the_page(served: Served) -> None:
    url = f"{served.http}/api/config/transcription"
    answer = httpx.put(url, json={"transcription_backend": "whisper"})
    assert answer.json()["transcription_backend"] == "whisper"
    saved = json.loads(served.context.settings.config_file.read_text())
    assert saved["transcription_backend"] == "whisper"
    page = httpx.get(f"{served.http}/", follow_redirects=True)
    assert (page.url.path, page.status_code) == ("/config", 200)
    assert page.headers["content-type"].startswith("text/html")


def test_import_callscribe_gives_the_promised_classes() -> None:
    import callscribe

    for name in callscribe.__all__:
        assert getattr(callscribe, name) is not None
    assert callscribe.EnhancedTranscriptionService.__module__ == "callscribe.service"
    assert not hasattr(callscribe, "Nonsense")
