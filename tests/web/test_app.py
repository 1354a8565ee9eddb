"""The wiring, as it is described and as it answers."""

from __future__ import annotations

import httpx
import pytest

from callscribe.settings import Settings, TranscriptionConfig
from callscribe.web.app import create_app
from tests.engines_for_tests import energy_factory
from tests.serving import Served, serving

PATHS = {
    "/api/config/transcription": {"get", "put"},
    "/api/status": {"get"},
    "/api/sessions": {"get", "post"},
    "/api/sessions/{session_id}": {"get", "delete"},
    "/api/sessions/{session_id}/transcript": {"get"},
    "/api/sessions/{session_id}/events": {"get"},
    "/api/agents": {"get"},
    "/api/agents/letters": {"get"},
    "/api/agents/letters/{letter_id}": {"delete"},
    "/api/agents/letters/{letter_id}/replay": {"post"},
    "/api/sessions/{session_id}/end": {"post"},
    "/api/sessions/{session_id}/results": {"get"},
    "/api/sessions/{session_id}/swap": {"post"},
    "/twilio/voice": {"post"},
    "/twilio/status": {"post"},
    "/healthz": {"get"},
    "/v1/listen": {"post"},
    "/v1/auth/grant": {"post"},
    "/v1/auth/token": {"get"},
}


def test_the_description_is_whole(settings: Settings) -> None:
    schema = create_app(settings, engine_factory=energy_factory).openapi()
    assert {path: set(methods) for path, methods in schema["paths"].items()} == PATHS
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            assert {"401", "403"} <= set(operation["responses"])
            assert "404" in operation["responses"] or "{session_id}" not in path
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_every_key_of_the_configuration_is_described(settings: Settings) -> None:
    schema = create_app(settings, engine_factory=energy_factory).openapi()
    change = schema["paths"]["/api/config/transcription"]["put"]["requestBody"]
    body = change["content"]["application/json"]["schema"]
    assert set(body["properties"]) == set(TranscriptionConfig.model_fields)
    assert body["properties"]["transcription_backend"]["enum"] == ["deepgram", "whisper"]
    assert body["properties"]["endpointing_ms"]["minimum"] == 200
    assert "required" not in body
    assert body["additionalProperties"] is False


def test_the_description_is_served(served: Served) -> None:
    assert httpx.get(f"{served.http}/openapi.json").json()["info"]["title"] == "Callscribe"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_fetches_scripts_from_elsewhere(served: Served, path: str) -> None:
    assert httpx.get(served.http + path).status_code == 404


def test_a_broken_configuration_does_not_keep_the_server_down(settings: Settings) -> None:
    settings.config_file.write_text("{ broken")
    with serving(settings) as served:
        found = httpx.get(f"{served.http}/api/config/transcription").json()
    assert found["transcription_language"] == "fr"
    kept = settings.config_file.with_name("transcription_config.json.broken")
    assert kept.read_text() == "{ broken"
