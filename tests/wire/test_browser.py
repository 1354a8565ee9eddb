"""The codec of ``/ws/audio``: what goes out comes back, and nothing breaks it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.errors import ProtocolError
from callscribe.former import Recording
from callscribe.wire import browser
from callscribe.wire.browser import (
    Ack,
    Ended,
    Failure,
    Finalize,
    KeepAlive,
    Ready,
    Start,
    Stop,
    Unknown,
    encode,
    parse_client,
    parse_server,
)

names = st.from_regex(browser.NAME, fullmatch=True)
texts = st.text(max_size=100)
numbers = st.integers(0, 10**12)
starts = st.builds(
    Start,
    session_id=st.just("") | names,
    speaker=names,
    sample_rate=st.integers(browser.MIN_RATE, browser.MAX_RATE),
    language=texts,
    resume=texts,
    waiting_ms=st.floats(0, browser.MAX_WAITING) | st.integers(0, browser.MAX_WAITING),
    recording=st.none()
    | st.builds(
        Recording,
        names,
        st.integers(0, browser.MAX_SAMPLE),
        st.integers(0, browser.MAX_SAMPLE),
    ),
)
readies = st.builds(Ready, names, names, texts, numbers, texts, texts, numbers, numbers)
failures = st.builds(Failure, texts, texts, st.booleans(), st.booleans())
acks = st.builds(Ack, numbers, st.none() | st.floats(0, 1e6), st.none() | numbers)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@given(starts | st.sampled_from([Finalize(), Stop(), KeepAlive()]))
def test_a_clients_message_comes_back(message: browser.ClientMessage) -> None:
    assert parse_client(encode(message)) == message


@pytest.mark.parametrize(
    "recording",
    [
        7,
        {},
        {"id": "a", "settled": 0},
        {"id": 1, "settled": 0, "kept": 0},
        {"id": "a" * 65, "settled": 0, "kept": 0},
        {"id": "", "settled": 0, "kept": 0},
        {"id": "a", "settled": -1, "kept": 0},
        {"id": "a", "settled": True, "kept": 0},
        {"id": "a", "settled": 0, "kept": 1.5},
        {"id": "a", "settled": 0, "kept": 10**400},
        {"id": "a", "settled": 0, "kept": browser.MAX_SAMPLE + 1},
    ],
)
def test_what_nobody_can_have_kept_is_refused(recording: object) -> None:
    with pytest.raises(ProtocolError, match="recording"):
        parse_client(json.dumps({"type": "start", "recording": recording}))


def test_what_a_later_server_says_more_is_left_out() -> None:
    assert parse_server('{"type": "ack", "received": 7, "colour": "red"}') == Ack(7)


@given(readies | failures | acks | st.builds(Ended, names, names, st.floats(0, 1e6)))
def test_a_servers_message_comes_back(message: browser.ServerMessage) -> None:
    assert parse_server(encode(message)) == message


@given(texts | jsons.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_client, parse_server):
        with suppress(ProtocolError):
            parse(text)


@given(st.dictionaries(st.sampled_from(list(Start.__dataclass_fields__)), jsons))
def test_a_start_is_right_or_refused(body: dict[str, object]) -> None:
    try:
        message = parse_client(json.dumps({**body, "type": "start"}))
    except ProtocolError:
        return
    assert isinstance(message, Start)
    assert browser.MIN_RATE <= message.sample_rate <= browser.MAX_RATE
    assert browser.NAME.fullmatch(message.speaker)
    assert 0 <= message.waiting_ms <= browser.MAX_WAITING


@given(st.floats() | st.integers())
def test_an_age_of_any_number_is_right_or_refused(age: float) -> None:
    text = json.dumps({"type": "start", "waiting_ms": age})
    if 0 <= age <= browser.MAX_WAITING:
        assert parse_client(text) == Start(waiting_ms=age)
    else:
        with pytest.raises(ProtocolError, match="waiting_ms"):
            parse_client(text)


def test_a_start_says_as_little_as_it_likes() -> None:
    assert parse_client('{"type": "start"}') == Start()
    assert parse_client('{"type": "start", "waiting_ms": null}') == Start()


def test_an_unknown_message_is_kept_as_it_came() -> None:
    message = parse_client('{"type": "dtmf", "digit": "5"}')
    assert message == Unknown("dtmf", {"digit": "5"})
    assert json.loads(encode(message)) == {"type": "dtmf", "digit": "5"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"type": 1}', "[" * 60_000, "x" * 70_000])
def test_malformed_text(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_client(text)
