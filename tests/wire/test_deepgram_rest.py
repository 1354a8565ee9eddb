"""The answer for a recording, read and written."""

from __future__ import annotations

import json

import pytest

from callscribe.errors import ProtocolError
from callscribe.wire.deepgram_rest import parse_recording
from tests.protocol import folder, needs_protocol

ANSWER = {
    "metadata": {"request_id": "r", "duration": 1.5, "channels": 1, "weather": "fine"},
    "results": {
        "channels": [
            {
                "alternatives": [
                    {"transcript": "oui", "confidence": 0.9, "words": [], "moods": ["calm"]}
                ]
            }
        ],
        "summary": {"result": "success", "short": "Yes."},
    },
}


def test_what_is_not_known_survives() -> None:
    found = parse_recording(json.dumps(ANSWER).encode())
    assert found.results.channels[0].alternatives[0].transcript == "oui"
    again = json.loads(found.encode())
    assert again["results"] == ANSWER["results"]
    assert again["metadata"].items() >= ANSWER["metadata"].items()


@needs_protocol
def test_every_recorded_answer_survives() -> None:
    paths = sorted(folder().glob("fixtures/rest_*.json"))
    assert len(paths) > 3
    for path in paths:
        body = path.read_bytes()
        assert json.loads(parse_recording(body).encode()) == json.loads(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"metadata": 3, "results": {}}'])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_recording(body)
