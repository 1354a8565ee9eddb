"""The query of /v1/listen, read and written."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.errors import ConfigurationError
from callscribe.wire.deepgram_query import ListenQuery, keyterm_tokens, parse_query

plain = st.text(st.characters(codec="utf-8", exclude_characters="["), max_size=12)
lists = st.lists(plain, max_size=3).map(tuple)
flags = st.none() | st.booleans()
numbers = st.none() | st.integers(0, 100_000)
queries = st.builds(
    ListenQuery,
    model=st.none() | plain,
    language=st.none() | plain,
    sample_rate=numbers,
    channels=numbers,
    multichannel=flags,
    interim_results=flags,
    endpointing=st.none() | st.just(False) | st.integers(0, 5000),
    utterance_end_ms=numbers,
    keyterm=lists,
    redact=lists,
    tag=lists,
    utt_split=st.none() | st.floats(0, 10),
    detect_language=flags | st.lists(plain, min_size=1, max_size=2).map(tuple),
    others=st.lists(st.tuples(st.just("novel"), plain), max_size=2).map(tuple),
)


def _words_of_a_list(query: ListenQuery) -> bool:
    """A language called "true" is a boolean on the wire: nobody can tell them apart."""
    named = query.detect_language
    return isinstance(named, tuple) and any(n.lower() in ("true", "false") for n in named)


@given(queries)
def test_a_query_survives_the_wire(query: ListenQuery) -> None:
    if _words_of_a_list(query):
        return
    text = urlencode(query.encode())
    assert parse_query(parse_qsl(text, keep_blank_values=True)) == query


@given(st.lists(st.tuples(st.sampled_from([*ListenQuery.__slots__, "x"]), st.text(max_size=8))))
def test_no_query_breaks_the_parser(pairs: list[tuple[str, str]]) -> None:
    try:
        parse_query(pairs)
    except ConfigurationError as error:
        assert error.code == "invalid_query"  # noqa: PT017 - most pairs are fine


def test_both_spellings_of_a_boolean_and_a_printed_list() -> None:
    query = parse_query(
        [("interim_results", "True"), ("vad_events", "false"), ("keyterm", "['a', 'b c']")]
    )
    assert (query.interim_results, query.vad_events) == (True, False)
    assert query.keyterm == ("a", "b c")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"utterance_end_ms": 999, "interim_results": True}, "Invalid 'utterance_end_ms' value"),
        ({"utterance_end_ms": 5001, "interim_results": True}, "1000 to 5000"),
        ({"utterance_end_ms": 1000}, "interim_results"),
        ({"keywords": ("a",), "model": "nova-3"}, "keyterm instead"),
        ({"keyterm": ("a",), "model": "nova-2"}, "nova-3 does"),
        ({"keyterm": ("abcdefgh",) * 251, "model": "nova-3"}, "502 tokens"),
        ({"encoding": "mp3"}, "linear16"),
        ({"sample_rate": 5}, "sample_rate"),
        ({"channels": 21}, "channels"),
        ({"tag": ("x" * 129,)}, "128 characters"),
        ({"extra": ("x" * 2049,)}, "2048 characters"),
        ({"search": ("x",) * 51}, "51 terms"),
    ],
)
def test_what_the_server_would_refuse_is_refused_in_words(wrong: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        ListenQuery(**wrong).check()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sample_rate", "fast"),
        ("interim_results", "maybe"),
        ("endpointing", "-1"),
        ("endpointing", "soon"),
        ("utt_split", "x"),
    ],
)
def test_values_of_the_wrong_kind(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Invalid '{name}' value of '{text}'"):
        parse_query([(name, text)])


def test_tokens_of_keyterms_are_counted_by_length() -> None:
    assert keyterm_tokens(["code", "fibre optique", ""]) == 1 + 2 + 2


def test_a_list_that_is_none_is_a_value() -> None:
    assert parse_query([("keyterm", "[{[]}]")]).keyterm == ("[{[]}]",)
