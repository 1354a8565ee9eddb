"""What is done of a query, what is refused, what is declared as left out."""

from __future__ import annotations

import pytest

from callscribe.errors import ConfigurationError
from callscribe.web.listen.plan import LEAST_ENDPOINTING, make_plan
from callscribe.wire.deepgram_query import ListenQuery, parse_query


def test_a_plain_stream() -> None:
    plan = make_plan(
        ListenQuery(language="en-US", encoding="linear16", sample_rate=8000, keyterm=("Zoé",)),
        streaming=True,
    )
    assert (plan.language, plan.sample_rate, plan.channels) == ("en", 8000, 1)
    assert plan.options.keyterms == ("Zoé",)
    assert plan.options.interim_results is False
    assert plan.unsupported == ()


@pytest.mark.parametrize(
    ("language", "means"), [(None, "en"), ("multi", "auto"), ("fr_CA", "fr"), ("pt-BR", "pt")]
)
def test_languages(language: str | None, means: str) -> None:
    plan = make_plan(ListenQuery(language=language), streaming=True)
    assert plan.language == means
    assert plan.options.language_each_time is (language == "multi")


def test_endpoints_come_no_sooner_than_this_recogniser_can() -> None:
    for asked, given in ((10, LEAST_ENDPOINTING), (700, 700), (False, None), (None, None)):
        plan = make_plan(ListenQuery(endpointing=asked), streaming=True)
        assert plan.options.endpointing_ms == given


def test_what_is_left_out_is_named() -> None:
    pairs = [("diarize", "true"), ("replace", "a:b"), ("dictation", "true"), ("numerals", "false")]
    assert make_plan(parse_query(pairs), streaming=True).unsupported == (
        "diarize",
        "replace",
        "dictation",
    )


def test_what_belongs_to_the_other_kind_of_request_is_named() -> None:
    live = [("vad_events", "true"), ("interim_results", "true"), ("endpointing", "300")]
    recorded = [("utterances", "true"), ("paragraphs", "true"), ("tag", "x")]
    query = parse_query([*live, *recorded])
    assert make_plan(query, streaming=True).unsupported == ("utterances", "paragraphs", "tag")
    assert make_plan(query, streaming=False).unsupported == (
        "interim_results",
        "endpointing",
        "vad_events",
    )


def test_channels_of_a_container_have_to_be_told_before_a_stream() -> None:
    query = ListenQuery(multichannel=True)
    assert make_plan(query, streaming=True).unsupported == ("multichannel",)
    assert make_plan(query, streaming=False).unsupported == ()
    told = make_plan(ListenQuery(multichannel=True, channels=2), streaming=True)
    assert (told.channels, told.unsupported) == (2, ())


@pytest.mark.parametrize(
    "pairs",
    [
        [("redact", "pci")],
        [("callback", "http://x")],
        [("language", "klingon")],
        [("encoding", "g729"), ("sample_rate", "8000")],
        [("encoding", "linear16")],
    ],
)
def test_what_would_do_harm_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigurationError):
        make_plan(parse_query(pairs), streaming=True)
