"""Options on the wire, and the engine's own life."""

from __future__ import annotations

from typing import Any

import pytest

from callscribe.engines.base import StreamOptions
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.engines.deepgram.service import arguments, environment, make_query
from callscribe.errors import ConfigurationError, EngineError

PROMISED = {
    "model": "nova-3",
    "language": "fr",
    "smart_format": "true",
    "punctuate": "true",
    "encoding": "linear16",
    "sample_rate": "8000",
    "channels": "1",
    "interim_results": "true",
    "utterance_end_ms": "1000",
    "vad_events": "true",
}


def test_the_options_that_are_promised_and_no_others() -> None:
    assert arguments(make_query("fr", 8000, StreamOptions())) == PROMISED


def test_what_the_configuration_adds() -> None:
    options = StreamOptions(
        keyterms=("Zoé", "fibre"),
        endpointing_ms=300,
        query=(("redact", "pci"), ("redact", "ssn"), ("diarize", "true")),
        model="nova-3-medical",
    )
    assert arguments(make_query("auto", 8000, options)) == PROMISED | {
        "model": "nova-3-medical",
        "language": "multi",
        "keyterm": ["Zoé", "fibre"],
        "endpointing": "300",
        "redact": ["pci", "ssn"],
        "diarize": "true",
    }


def test_without_interims_no_utterance_ends() -> None:
    found = arguments(make_query("fr", 8000, StreamOptions(interim_results=False)))
    assert "utterance_end_ms" not in found


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"query": (("keywords", "a"),)}, "keyterm instead"),
        ({"query": (("utterance_end_ms", "999"),)}, "utterance_end_ms"),
        ({"keyterms": ("word",) * 501}, "500"),
        ({"query": (("novelty", "1"),)}, "no option 'novelty'"),
        ({"keyterms": ("a",), "model": "nova-2"}, "nova-3"),
    ],
)
def test_what_deepgram_would_refuse_is_refused_first(options: Any, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        make_query("fr", 8000, StreamOptions(**options))


@pytest.mark.parametrize(
    ("address", "socket", "http"),
    [
        ("wss://api.eu.deepgram.com", "wss://api.eu.deepgram.com", "https://api.eu.deepgram.com"),
        ("https://host:8443/", "wss://host:8443", "https://host:8443"),
        ("ws://127.0.0.1:8000/base", "ws://127.0.0.1:8000/base", "http://127.0.0.1:8000/base"),
    ],
)
def test_addresses(address: str, socket: str, http: str) -> None:
    found = environment(address)
    assert (found.production, found.base) == (socket, http)


@pytest.mark.parametrize("address", ["", "api.deepgram.com", "ftp://x", "wss://"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="DEEPGRAM_BASE_URL"):
        environment(address)


@pytest.mark.anyio
async def test_a_closed_engine_opens_no_leg() -> None:
    service = DeepgramTranscriptionService("key")
    await service.close()
    with pytest.raises(EngineError):
        await service.transcribe_streaming("s", "fr", 8000, print)
