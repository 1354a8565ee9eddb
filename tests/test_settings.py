"""Settings from the environment, and the configuration that may change."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from callscribe.languages import LANGUAGES
from callscribe.settings import Settings, TranscriptionConfig


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLSCRIBE_PORT", "9000")
    monkeypatch.setenv("CALLSCRIBE_API_KEYS", "one, two,,")
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret-key")
    settings = Settings()
    assert settings.port == 9000
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.deepgram_api_key is not None
    assert settings.deepgram_api_key.get_secret_value() == "secret-key"


def test_secrets_do_not_show() -> None:
    settings = Settings.model_validate({"api_keys": "abc123", "deepgram_api_key": "abc123"})
    assert "abc123" not in repr(settings)
    assert "abc123" not in str(settings.model_dump())


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"leg_grace": -1}, {"log_level": "loud"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


@pytest.mark.parametrize("language", ["auto", *LANGUAGES])
def test_every_language_can_be_chosen(language: str) -> None:
    config = TranscriptionConfig.model_validate({"transcription_language": language})
    assert config.transcription_language == language


def test_a_wrong_language_is_told_the_right_ones() -> None:
    with pytest.raises(ValidationError, match="auto, fr, en"):
        TranscriptionConfig.model_validate({"transcription_language": "xx"})


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", empty)
    monkeypatch.setenv("CALLSCRIBE_PORT", "")
    settings = Settings()
    assert settings.deepgram_api_key is None
    assert settings.port == 8000


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "calls.example.com"},
        {"public_url": "https://calls.example.com/?a=b"},
        {"public_url": "https://user@calls.example.com"},
        {"twilio_account_sid": "AC1"},
        {"twilio_inbound": "agent"},
        {"twilio_outbound": "two words"},
    ],
)
def test_a_telephone_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_a_telephone() -> None:
    given = {"public_url": "https://calls.example.com/", "twilio_auth_token": " abc123 "}
    settings = Settings.model_validate(given)
    assert settings.public_url == "https://calls.example.com"
    assert settings.twilio_auth_token is not None
    assert settings.twilio_auth_token.get_secret_value() == "abc123"
    assert "abc123" not in repr(settings)


def test_thresholds_are_those_of_languages() -> None:
    assert TranscriptionConfig(unsure_below={"fr": 0.9, "*": 0}).unsure_below["fr"] == 0.9
    for wrong in ({"xx": 0.5}, {"fr": 1.1}, {"fr": -0.1}):
        with pytest.raises(ValidationError):
            TranscriptionConfig(unsure_below=wrong)
    with pytest.raises(ValidationError, match=r"for example \{\"\*\": 0.85"):
        TranscriptionConfig.model_validate({"unsure_below": 0.9})
