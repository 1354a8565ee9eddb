"""The check of what our server sends can fail, in each of its parts."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.protocol import needs_protocol, recorded
from tests.schemas import ANSWERS, MESSAGES, OFFICIAL, Unfit, check_answer, check_frame

ID = "0caee309-30e3-4bf1-9bcc-478437df5c9d"
HEADERS = {"dg-request-id": ID, "dg-error": "no"}
WORD = {"word": "oui", "start": 0.1, "end": 0.4, "confidence": 0.9, "punctuated_word": "Oui."}
FRAMES: dict[str, dict[str, Any]] = {
    "Results": {
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 1.5,
        "is_final": True,
        "channel": {"alternatives": [{"transcript": "Oui.", "confidence": 0.9, "words": [WORD]}]},
        "metadata": {
            "request_id": ID,
            "model_info": {"name": "n", "version": "1", "arch": "a"},
            "model_uuid": ID,
        },
    },
    "Metadata": {
        "transaction_key": "deprecated",
        "request_id": ID,
        "sha256": "0",
        "created": "2026-11-25T13:28:00.000Z",
        "duration": 1.5,
        "channels": 1,
    },
    "SpeechStarted": {"channel": [0, 1], "timestamp": 0.1},
    "UtteranceEnd": {"channel": [0, 1], "last_word_end": 0.4},
    "Error": {"variant": "SchemaError", "description": "no"},
    "ConfigureSuccess": {"request_id": ID},
    "ConfigureFailure": {"request_id": ID, "code": "CONFIGURE_INTERNAL_ERROR", "description": "x"},
}
RECORDING = {
    "metadata": {
        "request_id": ID,
        "sha256": "0",
        "created": "2026-11-25T13:28:00.000Z",
        "duration": 1.5,
        "channels": 1,
        "models": [ID],
        "model_info": {},
    },
    "results": {"channels": [{"alternatives": [{"transcript": "Oui.", "words": [WORD]}]}]},
}


def spoiled(whole: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """A JSON value again and again, each time with another of its parts of the wrong type."""
    part = whole
    for step in path:
        part = part[step]
    if path:
        other = copy.deepcopy(whole)
        inside = other
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = {"wrong": 1} if not isinstance(part, dict) else "wrong"
        yield ".".join(map(str, path)), other
    steps = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for step in steps:
        yield from spoiled(whole, (*path, step))


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_with_any_field_of_the_wrong_type_is_refused(kind: str) -> None:
    frame = {"type": kind, **FRAMES[kind]}
    assert check_frame(json.dumps(frame)) == kind
    assert check_frame(json.dumps(frame | {"novelty": 1})) == kind
    for place, wrong in spoiled(frame):
        if (kind, place) == ("ConfigureFailure", "code"):
            continue  # newer codes are to be expected, so the SDK takes anything
        with pytest.raises(Unfit):
            check_frame(json.dumps(wrong))
    for name in FRAMES[kind]:
        if name != "is_final":
            with pytest.raises(Unfit):
                check_frame(json.dumps({k: v for k, v in frame.items() if k != name}))


def test_a_recording_with_any_field_of_the_wrong_type_is_refused() -> None:
    def checked(body: Any) -> str:
        return check_answer("/v1/listen", 200, HEADERS, json.dumps(body).encode())

    assert checked(RECORDING) == "recording"
    for place, wrong in spoiled(RECORDING):
        if not place.endswith("punctuated_word"):  # described for the words of utterances only
            with pytest.raises(Unfit):
                checked(wrong)


@needs_protocol
@pytest.mark.parametrize(("name", "wrong"), [("request_id", "x"), ("created", "yesterday")])
def test_formats_are_checked(name: str, wrong: str) -> None:
    body = copy.deepcopy(RECORDING)
    body["metadata"][name] = wrong
    with pytest.raises(Unfit):
        check_answer("/v1/listen", 200, HEADERS, json.dumps(body).encode())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"type": "Warning"}', '{"type": "error"}', '{"type": ["Error"]}']
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        check_frame(text)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {}),
        ({"dg-error": ""}, {}),
        ({"dg-request-id": ""}, {}),
        ({"dg-request-id": "another"}, {}),
        ({}, {"err_msg": 1}),
        ({}, {"err_code": None}),
    ],
)
def test_errors_have_headers_and_body_that_agree(
    headers: dict[str, str], body: dict[str, Any]
) -> None:
    right = {"err_code": "Bad Request", "err_msg": "no", "request_id": ID}
    sent = {k: v for k, v in {**HEADERS, **headers}.items() if v}

    def checked() -> str:
        return check_answer("/v1/nothing", 404, sent, json.dumps(right | body).encode())

    if headers or body:
        with pytest.raises(Unfit):
            checked()
    else:
        assert checked() == "error"


def test_a_grant_is_checked() -> None:
    good = {"access_token": "t", "expires_in": 30}
    assert check_answer("/v1/auth/grant", 200, HEADERS, json.dumps(good).encode()) == "grant"
    for wrong in ({"expires_in": 30}, good | {"expires_in": "soon"}):
        with pytest.raises(Unfit):
            check_answer("/v1/auth/grant", 200, HEADERS, json.dumps(wrong).encode())


@needs_protocol
def test_what_deepgram_itself_sent_is_valid() -> None:
    """Real messages of Nova-3; what documents show as examples leaves things out."""
    frames = [frame for _, frame in recorded("ws_nova3_*") if frame["type"] in MESSAGES]
    # Their author put other names in place of the ids.
    kinds = [check_frame(re.sub(r"request_id-\d", ID, json.dumps(frame))) for frame in frames]
    assert {"Results", "Metadata"} <= set(kinds)


def test_what_is_in_the_sdk_only_is_newer_than_the_official_files() -> None:
    known = MESSAGES.keys() | ANSWERS.keys()
    assert known - OFFICIAL.keys() == {"Error", "ConfigureSuccess", "ConfigureFailure"}
    assert MESSAGES.keys() == FRAMES.keys()
