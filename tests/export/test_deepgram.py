"""The form of Deepgram's answer, held against its own schema and types."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from deepgram.types import ListenV1Response

from callscribe.export import Model, Source, to_deepgram
from callscribe.transcript import Gap, Transcript
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram import ModelInfo, model_uuid
from callscribe.wire.deepgram_rest import RecordingMetadata, parse_recording
from tests.schemas import check_answer

from .transcripts import CALL

HEADERS = {"dg-request-id": "any"}

KNOWN = Source(
    created=datetime(2026, 11, 25, 21, 3, 4, 567_000, tzinfo=timezone(timedelta(hours=1))),
    duration=4000.5,
    speakers=("agent", "technician", "guest"),
    models=(Model("deepgram", "nova-3"), Model("whisper", "faster-whisper-base")),
)


def metadata(transcript: Transcript, source: Source) -> RecordingMetadata:
    text = to_deepgram(transcript, source).encode()
    check_answer("/v1/listen", 200, HEADERS, text)
    return parse_recording(text).metadata


def test_it_says_when_the_call_was_how_long_and_what_listened() -> None:
    found = metadata(CALL, KNOWN)
    assert (found.created, found.duration, found.channels) == (
        "2026-11-25T20:03:04.567Z",
        4000.5,
        3,
    )
    assert found.models == [model_uuid("nova-3"), model_uuid("faster-whisper-base")]
    assert found.model_info == {
        model_uuid("nova-3"): ModelInfo(name="nova-3", arch="nova-3"),
        model_uuid("faster-whisper-base"): ModelInfo(name="faster-whisper-base", arch="whisper"),
    }
    assert found.extra == {
        "session_id": "call-1",
        "channel_0": "agent",
        "channel_1": "technician",
        "channel_2": "guest",
    }


def test_what_nobody_heard_is_in_the_metadata_and_the_sdk_takes_it() -> None:
    call = Transcript("call-1", list(CALL.utterances))
    call.add_gap(Gap("technician", 12.3456, 15.0, "the engine was away for too long", 7))
    call.add_gap(Gap("mute", 20.0, 21.0, "network", 8))
    assert metadata(call, KNOWN).gaps == [
        rest.Gap(channel=1, start=12.346, end=15.0, reason="the engine was away for too long"),
        rest.Gap(channel=3, start=20.0, end=21.0, reason="network"),
    ]
    answer = ListenV1Response.model_validate_json(to_deepgram(call, KNOWN))
    assert answer.metadata.gaps[0]["reason"] == "the engine was away for too long"  # type: ignore[attr-defined]
    assert len(answer.results.channels) == 4
    assert "gaps" not in json.loads(to_deepgram(CALL, KNOWN))["metadata"]


def test_who_said_nothing_has_an_empty_channel() -> None:
    channels = json.loads(to_deepgram(CALL, KNOWN))["results"]["channels"]
    assert [bool(c["alternatives"][0]["transcript"]) for c in channels] == [True, True, False]


def test_a_session_that_is_called_by_a_uuid_keeps_it_as_the_request() -> None:
    name = "0123456789abcdef0123456789abcdef"
    assert metadata(Transcript(name), KNOWN).request_id == "01234567-89ab-cdef-0123-456789abcdef"
    assert metadata(Transcript("a"), KNOWN).request_id != metadata(CALL, KNOWN).request_id


def test_what_is_not_known_is_not_made_up() -> None:
    found = metadata(CALL, Source())
    assert (found.sha256, found.models, found.model_info) == ("incomplete", [], {})
    written = datetime.fromisoformat(found.created)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    assert metadata(CALL, Source(sha256="ab" * 32)).sha256 == "ab" * 32


def test_it_is_what_deepgram_would_answer() -> None:
    text = to_deepgram(CALL)
    check_answer("/v1/listen", 200, HEADERS, text.encode())
    found = parse_recording(text.encode())
    assert len(found.results.channels) == len(CALL.speakers)
    channels = {f"channel_{i}": s for i, s in enumerate(CALL.speakers)}
    assert found.metadata.extra == {"session_id": "call-1", **channels}
    utterances = found.results.utterances
    assert isinstance(utterances, list)
    said = [u for u in CALL.utterances if u.text]
    assert [u.transcript for u in utterances] == [u.text for u in said]
    assert [CALL.speakers[u.channel] for u in utterances] == [u.speaker for u in said]
    words = [word for u in utterances for word in u.words]
    assert [w.punctuated_word for w in words] == [w.text for u in said for w in u.words]


def test_the_same_call_gives_the_same_text() -> None:
    assert to_deepgram(CALL, KNOWN) == to_deepgram(CALL, KNOWN)
    ids = {u["id"] for u in json.loads(to_deepgram(CALL, KNOWN))["results"]["utterances"]}
    assert len(ids) == len([u for u in CALL.utterances if u.text])


def test_nothing_said() -> None:
    check_answer("/v1/listen", 200, HEADERS, to_deepgram(Transcript("empty")).encode())
