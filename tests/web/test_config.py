"""Reading and changing the configuration over HTTP."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.serving import Served

PATH = "/api/config/transcription"


@pytest.fixture
def url(served: Served) -> str:
    return served.http + PATH


def test_the_defaults_are_the_promised_ones(url: str) -> None:
    config = httpx.get(url).json()
    assert config["transcription_backend"] == "deepgram"
    assert config["transcription_language"] == "fr"
    assert config["deepgram_use_streaming"] is True


def test_a_part_can_be_changed_and_is_saved(url: str, served: Served) -> None:
    answer = httpx.put(url, json={"transcription_language": "en"})
    assert answer.status_code == 200
    assert answer.json() == httpx.get(url).json()
    assert answer.json()["transcription_language"] == "en"
    assert answer.json()["transcription_backend"] == "deepgram"
    saved = json.loads(served.context.settings.config_file.read_text())
    assert saved["transcription_language"] == "en"


@pytest.mark.parametrize(
    ("body", "loc", "says"),
    [
        ({"transcription_backend": "vosk"}, ["body", "transcription_backend"], "'whisper'"),
        ({"transcription_language": "tlh"}, ["body", "transcription_language"], "auto, fr, en"),
        ({"endpointing_ms": 10}, ["body", "endpointing_ms"], "200"),
        ({"backend": "whisper"}, ["body", "backend"], "transcription_backend"),
        ({"deepgram_use_streaming": None}, ["body", "deepgram_use_streaming"], "boolean"),
        ({"keyterms": [""]}, ["body", "keyterms", 0], "at least 1"),
    ],
)
def test_a_wrong_value_is_answered_with_the_right_ones(
    url: str, body: dict[str, object], loc: list[object], says: str
) -> None:
    before = httpx.get(url).json()
    answer = httpx.put(url, json=body)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail[0]["loc"] == loc
    assert says in detail[0]["msg"]
    assert set(detail[0]) == {"loc", "msg", "type"}
    assert says in answer.json()["message"]
    assert httpx.get(url).json() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe", b'{"a":NaN}'])
def test_a_body_that_is_no_object_is_refused(url: str, body: bytes) -> None:
    answer = httpx.put(url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_an_answer_never_repeats_what_was_sent(url: str) -> None:
    answer = httpx.put(url, json={"transcription_backend": "my-secret-key"})
    assert "my-secret-key" not in answer.text


def test_a_running_session_keeps_its_own(url: str, served: Served) -> None:
    session_id = httpx.post(served.http + "/api/sessions").json()["session_id"]
    httpx.put(url, json={"transcription_language": "en"})
    config = served.context.service.session(session_id).config
    assert config.transcription_language == "fr"
