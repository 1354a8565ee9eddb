"""The reference is complete: every setting, key, event and error code stands in it."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from callscribe import events
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.batch import NOT_FOR_RECORDINGS
from callscribe.engines.deepgram.service import arguments, make_query
from callscribe.errors import (
    AudioError,
    AuthenticationError,
    CallscribeError,
    CapacityError,
    ConfigurationError,
    EngineError,
)
from callscribe.legs import stream_options
from callscribe.settings import DEEPGRAM_LISTS, DEEPGRAM_SWITCHES, Settings, TranscriptionConfig
from callscribe.web import errors
from callscribe.web.listen.plan import LEFT_OUT, REFUSED, SUPPORTED_ENCODINGS, make_plan
from callscribe.web.listen.replies import error_reply
from callscribe.wire.deepgram_query import ENCODINGS, ListenQuery, parse_query
from tests.documentation import ROOT, table

KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
]
REFERENCE = ROOT / "docs" / "reference"
LISTEN = REFERENCE / "listen.md"
ON_THE_WIRE = ROOT / "docs" / "explanation" / "deepgram-streaming.md"
CAUSES = sorted(set(re.findall(r'"(deepgram_\w+)"', Path(faults.__file__).read_text("utf-8"))))
PARAMETERS = [field.name for field in fields(ListenQuery) if field.name != "others"]
VALUES = {
    "language": "fr",
    "encoding": "linear16",
    "sample_rate": "16000",
    "channels": "2",
    "endpointing": "300",
    "utterance_end_ms": "1000",
    "utt_split": "1.5",
    "callback": "http://x",
    "replace": "a:b",
    "extra": "a:b",
}
"""For parameters that are no switches."""


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_described(field: str) -> None:
    info = Settings.model_fields[field]
    name = info.validation_alias or f"CALLSCRIBE_{field.upper()}"
    assert f"| `{name}` |" in page("configuration")
    assert (info.description or "") in page("configuration")


@pytest.mark.parametrize("key", TranscriptionConfig.model_fields)
def test_every_key_is_described(key: str) -> None:
    assert f"| `{key}` |" in page("configuration")
    assert (TranscriptionConfig.model_fields[key].description or "") in page("configuration")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_event_is_described(kind: type[events.Event]) -> None:
    assert f"| `{kind.type}` | {'yes' if kind.durable else 'no'} |" in page("sockets")


def test_close_codes_are_those_of_the_mapping() -> None:
    rows = [line.split("|") for line in page("sockets").splitlines() if line.startswith("| 1")]
    for _, close, codes, _ in rows:
        for code, (_, mapped) in errors.CODES.items():
            if f"`{code}`" in codes:
                assert mapped == int(close), code


@pytest.mark.parametrize("code", CAUSES)
def test_every_cause_of_deepgram_is_described(code: str) -> None:
    assert f"`{code}`" in page("sockets")


def asked(name: str, *, streaming: bool) -> str:
    """What the server does with a parameter."""
    others = {"interim_results": "true", "encoding": "linear16", "sample_rate": "16000"}
    pairs = others | {name: VALUES.get(name, "true")}
    try:
        plan = make_plan(parse_query(pairs.items()), streaming=streaming)
    except ConfigurationError:
        return "refused"
    return "left out" if name in plan.unsupported else "done"


@pytest.mark.parametrize("streaming", [True, False], ids=["streams", "recordings"])
@pytest.mark.parametrize("name", sorted({*PARAMETERS, *REFUSED, *LEFT_OUT}))
def test_every_parameter_has_its_verdict(name: str, streaming: bool) -> None:
    said = table(LISTEN, "## Parameters")[name][0 if streaming else 1]
    assert said in ("done", "approximated", "left out", "refused")
    assert said.replace("approximated", "done") == asked(name, streaming=streaming)


def test_a_parameter_that_nobody_knows_is_left_out_as_it_is_written() -> None:
    text = page("listen")
    assert "| any other | left out | left out |" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| any other ")]
    for name in re.findall("`(.+?)`", row):
        assert asked(name, streaming=True) == asked(name, streaming=False) == "left out"
    assert set(table(LISTEN, "## Parameters")) == {*PARAMETERS, *REFUSED, "any other"}


def test_every_encoding_has_its_row() -> None:
    rows = table(LISTEN, "## Audio")
    assert set(rows) - {"encoding"} == set(ENCODINGS)
    assert {name for name, cells in rows.items() if cells[0] == "400"} == set(ENCODINGS) - set(
        SUPPORTED_ENCODINGS
    )


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("no", code="invalid_query"),
        AudioError("no"),
        AuthenticationError("no"),
        EngineError("no"),
        CapacityError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_refusal_of_the_server_has_its_row(error: CallscribeError) -> None:
    answer = error_reply(error, "r")
    rows = table(LISTEN, "## Errors")
    assert {"dg-error", "dg-request-id"} <= set(answer.headers)
    code = json.loads(bytes(answer.body))["err_code"]
    assert f"`{code}`" in rows[str(answer.status_code)][0]


def configured() -> TranscriptionConfig:
    """A configuration that asks for everything."""
    values: dict[str, Any] = {f"deepgram_{name}": True for name in DEEPGRAM_SWITCHES}
    values |= {f"deepgram_{name}": ["a:b"] for name in DEEPGRAM_LISTS}
    return TranscriptionConfig.model_validate({**values, "keyterms": ["Zoé"]})


def test_every_option_on_the_wire_is_described() -> None:
    sent = arguments(make_query("fr", 8000, stream_options(configured(), "linear16")))
    rows = table(ON_THE_WIRE, "## Options")
    assert set(rows) == set(sent)
    assert {name for name, cells in rows.items() if cells[1] == "no"} == set(NOT_FOR_RECORDINGS)
    assert all(cells[0] == "yes" for cells in rows.values())


def test_every_key_for_deepgram_stands_beside_its_option() -> None:
    values = " ".join(cells[2] for cells in table(ON_THE_WIRE, "## Options").values())
    keys = {key for key in TranscriptionConfig.model_fields if key.startswith("deepgram_")}
    shared = {"transcription_language", "interim_results", "endpointing_ms", "keyterms"}
    for key in (keys - {"deepgram_use_streaming"}) | shared:
        assert f"`{key}`" in values, key
