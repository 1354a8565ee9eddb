"""What of a client's query this server does, what it refuses, and what it leaves out and says so.

May import ``errors``, ``languages`` and ``wire``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from callscribe.engines.base import StreamOptions, TranscriptionEngine
from callscribe.errors import ConfigurationError
from callscribe.languages import LANGUAGES
from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_query import MAX_KEYTERM_TOKENS, ListenQuery, invalid, keyterm_tokens

LEFT_OUT: Final = (
    "numerals",
    "profanity_filter",
    "diarize",
    "replace",
    "search",
    "keywords",
    "version",
)
"""Known parameters that change the text and are not done here; the answer's header names them."""

STREAMS_ONLY: Final = ("interim_results", "endpointing", "utterance_end_ms", "vad_events")
"""Parameters that change nothing about a recording."""

RECORDINGS_ONLY: Final = ("utterances", "utt_split", "paragraphs", "tag", "extra")
"""Parameters that change nothing about a stream: its messages have no place for them."""

REFUSED: Final = {
    "callback": "results come back on this connection only",
    "callback_method": "results come back on this connection only",
    "redact": "nothing would be redacted here, and you rely on it",
}
"""Parameters whose omission would do harm."""

SUPPORTED_ENCODINGS: Final = (
    "linear16",
    "linear32",
    "mulaw",
    "alaw",
    "opus",
    "ogg-opus",
    "flac",
)
LEAST_ENDPOINTING: Final = 200
"""Milliseconds: with less, this recogniser would cut words."""

UNSUPPORTED_HEADER: Final = "callscribe-unsupported"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request is served."""

    query: ListenQuery
    language: str
    channels: int
    """Channels that are transcribed, each on its own."""
    source_channels: int
    """Channels in the audio that comes."""
    sample_rate: int
    options: StreamOptions
    unsupported: tuple[str, ...]
    """Parameters that were asked for and change nothing here."""


def make_plan(query: ListenQuery, *, streaming: bool) -> Plan:
    """The plan for a query; ``ConfigurationError`` where it cannot be served."""
    query.check()
    _refuse(query)
    raw = query.encoding is not None and query.encoding not in ("flac", "ogg-opus")
    if raw and query.sample_rate is None and query.encoding not in ("mulaw", "alaw"):
        raise invalid("sample_rate", "", f"encoding={query.encoding} needs it")
    if query.encoding is not None and query.encoding not in SUPPORTED_ENCODINGS:
        raise invalid("encoding", query.encoding, f"here: {', '.join(SUPPORTED_ENCODINGS)}")
    source = query.channels or 1
    endpointing = query.endpointing
    return Plan(
        query=query,
        language=_language(query),
        channels=source if query.multichannel else 1,
        source_channels=source,
        sample_rate=query.sample_rate or 8_000,
        options=StreamOptions(
            keyterms=query.keyterm,
            interim_results=bool(query.interim_results) or not streaming,
            endpointing_ms=max(endpointing, LEAST_ENDPOINTING) if endpointing else None,
            language_each_time=query.language == "multi",
        ),
        unsupported=_left_out(query, streaming=streaming),
    )


def configure_fault(message: dg.Configure, query: ListenQuery) -> tuple[str, str] | None:
    """Why a ``Configure`` cannot be obeyed, as Deepgram's code and a sentence; None if it can."""
    features = message.features
    if isinstance(features, dg.Features) and features.numerals is True:
        return ("CONFIGURE_INTERNAL_ERROR", "numerals is not supported here; leave it out")
    terms = message.keyterms
    if not isinstance(terms, list):
        return None
    try:
        ListenQuery(model=query.model, keyterm=tuple(terms)).check()
    except ConfigurationError as error:
        too_many = keyterm_tokens(terms) > MAX_KEYTERM_TOKENS
        code = "KEYTERM_LIMIT_EXCEEDED" if too_many else "KEYTERMS_NOT_SUPPORTED"
        return (f"CONFIGURE_{code}", error.message)
    return None


def results_metadata(request_id: str, model: str) -> dg.ResultsMetadata:
    """What every ``Results`` says of the request and of the model that really listens."""
    return dg.ResultsMetadata(
        request_id=request_id, model_info=model_info(model), model_uuid=dg.model_uuid(model)
    )


def model_name(engine: TranscriptionEngine) -> str:
    """The name of the model that an engine runs, the engine's own where it does not say."""
    return str(getattr(engine, "model", "") or engine.name)


def model_info(model: str) -> dg.ModelInfo:
    """The model that really listens."""
    return dg.ModelInfo(name=model, version="1", arch="whisper")


def _refuse(query: ListenQuery) -> None:
    asked = {name for name, _ in query.others} | ({"redact"} if query.redact else set())
    for name, why in REFUSED.items():
        if name in asked:
            raise ConfigurationError(f"'{name}' is not supported here: {why}", code="invalid_query")


def _left_out(query: ListenQuery, *, streaming: bool) -> tuple[str, ...]:
    names = [*LEFT_OUT, *(RECORDINGS_ONLY if streaming else STREAMS_ONLY)]
    if streaming and query.encoding is None and query.channels is None:
        names.append("multichannel")  # how many there are has to be known before audio comes
    known = [name for name in names if getattr(query, name)]
    return (*known, *dict.fromkeys(name for name, _ in query.others))


def _language(query: ListenQuery) -> str:
    if query.detect_language or query.language == "multi":
        return "auto"
    asked = query.language or "en"
    code = asked.replace("_", "-").split("-")[0].lower()
    if code not in LANGUAGES:
        raise invalid("language", asked, "a code such as fr, en-US or multi")
    return code
