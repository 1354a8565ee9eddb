"""Deepgram's messages, read and written."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.errors import ProtocolError
from callscribe.wire.deepgram import (
    CloseStream,
    Configure,
    Finalize,
    KeepAlive,
    Results,
    UtteranceEnd,
    model_uuid,
    parse_client,
    parse_server,
)
from callscribe.wire.deepgram import Unknown as UnknownMessage
from tests.protocol import needs_protocol, recorded

RESULTS: dict[str, Any] = {
    "type": "Results",
    "channel_index": [0, 1],
    "duration": 1.5,
    "start": 0.39999998,
    "is_final": True,
    "speech_final": False,
    "channel": {
        "alternatives": [
            {
                "transcript": "Bonjour, oui.",
                "confidence": 0.98,
                "words": [
                    {
                        "word": "bonjour",
                        "start": 0.4,
                        "end": 0.9,
                        "confidence": 0.99,
                        "punctuated_word": "Bonjour,",
                    },
                    {"word": "oui", "start": 1.0, "end": 1.2, "confidence": 0.97},
                ],
            }
        ]
    },
}

seconds = st.floats(0, 1e6, allow_nan=False)
sure = st.floats(0, 1, allow_nan=False)
channel = st.lists(st.integers(0, 20), min_size=2, max_size=2)
texts = st.text(max_size=30)
words = st.fixed_dictionaries(
    {"word": texts, "start": seconds, "end": seconds, "confidence": sure},
    optional={
        "punctuated_word": texts,
        "speaker": st.none() | st.integers(0, 9),
        "language": st.sampled_from(["fr", "en"]),
        "news": st.integers(),
    },
)
alternatives = st.fixed_dictionaries(
    {"transcript": texts, "confidence": sure, "words": st.lists(words, max_size=4)},
    optional={"languages": st.lists(texts, max_size=2), "flavour": texts},
)
bools = st.booleans()
results = st.fixed_dictionaries(
    {
        "type": st.just("Results"),
        "channel_index": channel,
        "duration": seconds,
        "start": seconds,
        "channel": st.fixed_dictionaries({"alternatives": st.lists(alternatives, max_size=2)}),
    },
    optional={
        "is_final": bools,
        "speech_final": bools,
        "from_finalize": bools,
        "metadata": st.fixed_dictionaries({"request_id": texts}, optional={"shade": texts}),
        "novelty": st.none() | st.lists(st.integers(), max_size=2),
    },
)
small = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("UtteranceEnd"), "channel": channel, "last_word_end": seconds}
    ),
    st.fixed_dictionaries(
        {"type": st.just("SpeechStarted"), "channel": channel, "timestamp": seconds}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("Metadata"),
            "request_id": texts,
            "sha256": texts,
            "created": texts,
            "duration": seconds,
            "channels": st.integers(0, 20),
        },
        optional={"models": st.lists(texts, max_size=2), "tint": st.none()},
    ),
    st.fixed_dictionaries(
        {"type": st.just("Error"), "description": texts},
        optional={"variant": texts, "message": st.none() | texts, "code": st.none() | texts},
    ),
    st.fixed_dictionaries({"type": st.just("TurnInfo"), "event": texts}),
)
from_client = st.one_of(
    st.just({"type": "KeepAlive"}),
    st.just({"type": "CloseStream"}),
    st.fixed_dictionaries({"type": st.just("Finalize")}, optional={"channel": st.integers(0, 20)}),
    st.fixed_dictionaries(
        {"type": st.just("Configure")},
        optional={
            "keyterms": st.none() | st.lists(texts, max_size=3),
            "features": st.none() | st.fixed_dictionaries({}, optional={"numerals": bools}),
        },
    ),
)


@given(results | small)
def test_what_a_server_sends_survives(frame: dict[str, Any]) -> None:
    assert json.loads(parse_server(json.dumps(frame)).encode()) == frame


@given(from_client)
def test_what_a_client_sends_survives(frame: dict[str, Any]) -> None:
    assert json.loads(parse_client(json.dumps(frame)).encode()) == frame


@given(st.text() | st.recursive(st.none() | st.integers() | texts, st.lists).map(json.dumps))
def test_no_text_breaks_the_parser(text: str) -> None:
    for parse in (parse_server, parse_client):
        with contextlib.suppress(ProtocolError):
            parse(text)


@needs_protocol
def test_every_recorded_message_survives() -> None:
    frames = [frame for _, frame in recorded("*ws_*")]
    assert len(frames) > 40
    for frame in frames:
        assert json.loads(parse_server(json.dumps(frame)).encode()) == frame


def test_results_are_read() -> None:
    message = parse_server(json.dumps(RESULTS))
    assert isinstance(message, Results)
    assert message.alternative.transcript == "Bonjour, oui."
    assert [word.shown for word in message.alternative.words] == ["Bonjour,", "oui"]
    assert message.is_final is True


def test_a_changed_message_keeps_what_else_it_held() -> None:
    message = parse_server(json.dumps(RESULTS | {"aroma": "rose"}))
    assert isinstance(message, Results)
    message.start += 10
    message.channel.alternatives[0].words.pop()
    again = json.loads(message.encode())
    assert again["aroma"] == "rose"
    assert again["start"] == pytest.approx(10.4)
    assert len(again["channel"]["alternatives"][0]["words"]) == 1


def test_messages_that_we_make() -> None:
    assert KeepAlive().encode() == '{"type":"KeepAlive"}'
    assert Finalize().encode() == '{"type":"Finalize"}'
    assert CloseStream().encode() == '{"type":"CloseStream"}'
    assert json.loads(Configure(keyterms=[]).encode()) == {"type": "Configure", "keyterms": []}
    end = UtteranceEnd(channel=[0, 1], last_word_end=-1)
    assert json.loads(end.encode()) == {
        "type": "UtteranceEnd",
        "channel": [0, 1],
        "last_word_end": -1,
    }


def test_a_type_that_nobody_knows_is_kept_as_it_came() -> None:
    text = '{"type": "Aurora",  "colour": "green"}'
    message = parse_server(text)
    assert isinstance(message, UnknownMessage)
    assert (message.kind, message.encode()) == ("Aurora", text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", '"type"'),
        ('{"type": 3}', '"type"'),
        ('{"type": "Results"}', "Results"),
        ('{"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": "x"}', "UtteranceEnd"),
        ('{"type": "Finalize", "channel": "left"}', "Finalize"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_message_is_refused_in_words(text: str, hint: str) -> None:
    parse = parse_client if "Finalize" in text else parse_server
    with pytest.raises(ProtocolError, match=hint):
        parse(text)


def test_a_frame_beyond_measure_is_not_read() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_server(" " * (1 << 20) + "{}")
    assert caught.value.code == "too_big"


def test_a_models_id_stays_the_same() -> None:
    assert model_uuid("whisper-base") == model_uuid("whisper-base") != model_uuid("whisper-small")
