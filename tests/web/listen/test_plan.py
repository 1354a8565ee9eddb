"""What is done of a query, what is refused, what is declared as left out."""

from __future__ import annotations

import pytest

from callscribe.errors import ConfigurationError
from callscribe.web.listen.plan import LEAST_ENDPOINTING, make_plan, model_uuid
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


def test_a_models_id_stays_the_same() -> None:
    assert model_uuid("whisper-base") == model_uuid("whisper-base") != model_uuid("whisper-small")
