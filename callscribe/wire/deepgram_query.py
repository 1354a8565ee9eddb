"""The query of ``/v1/listen``: what a client may ask of a transcription, read and written.

Values are text on the wire; a list is a repeated key. Both spellings of a boolean that official
clients send (``true``, ``True``) are read, as is the Python list that one of them sends as a single
value. What is not known here is kept in ``others``. May import ``errors`` only.
"""

from __future__ import annotations

import ast
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from callscribe.errors import ConfigurationError

ENCODINGS: Final = (
    "linear16",
    "linear32",
    "flac",
    "alaw",
    "mulaw",
    "amr-nb",
    "amr-wb",
    "opus",
    "ogg-opus",
    "speex",
    "g729",
)
MIN_UTTERANCE_END, MAX_UTTERANCE_END = 1000, 5000
MAX_KEYTERM_TOKENS: Final = 500
MAX_TAG, MAX_EXTRA = 128, 2048
MAX_SEARCH: Final = 50
MAX_CHANNELS: Final = 20

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenQuery:
    """What a client asks for; the names are those on the wire. None means: not said."""

    model: str | None = None
    language: str | None = None
    version: str | None = None
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    multichannel: bool | None = None
    interim_results: bool | None = None
    endpointing: int | Literal[False] | None = None
    utterance_end_ms: int | None = None
    vad_events: bool | None = None
    smart_format: bool | None = None
    punctuate: bool | None = None
    numerals: bool | None = None
    profanity_filter: bool | None = None
    diarize: bool | None = None
    mip_opt_out: bool | None = None
    keyterm: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    utterances: bool | None = None
    utt_split: float | None = None
    paragraphs: bool | None = None
    detect_language: bool | tuple[str, ...] | None = None
    others: tuple[tuple[str, str], ...] = ()
    """Parameters that are not known here, as they came."""

    def encode(self) -> list[tuple[str, str]]:
        """The query as pairs, in the order of the fields."""
        pairs: list[tuple[str, str]] = []
        for name in _KINDS:
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            pairs += [(name, _text(each)) for each in values]
        return pairs + list(self.others)

    def check(self) -> ListenQuery:
        """Itself, if Deepgram would take it; ``ConfigurationError`` with the reason if not."""
        if self.encoding is not None and self.encoding not in ENCODINGS:
            raise invalid("encoding", self.encoding, f"right ones are {', '.join(ENCODINGS)}")
        if self.sample_rate is not None and not 1_000 <= self.sample_rate <= 192_000:
            raise invalid("sample_rate", self.sample_rate, "samples per second")
        if self.channels is not None and not 1 <= self.channels <= MAX_CHANNELS:
            raise invalid("channels", self.channels, f"1 to {MAX_CHANNELS}")
        self._check_utterance_end()
        self._check_terms(self.model or "")
        for name, values, most in (("tag", self.tag, MAX_TAG), ("extra", self.extra, MAX_EXTRA)):
            for value in values:
                if len(value) > most:
                    raise invalid(name, f"{value[:20]}…", f"at most {most} characters")
        return self

    def _check_terms(self, model: str) -> None:
        if self.keywords and model.startswith("nova-3"):
            raise invalid("keywords", self.keywords[0], "nova-3 takes keyterm instead")
        if self.keyterm and model and not model.startswith(("nova-3", "flux")):
            raise invalid("keyterm", self.keyterm[0], f"{model} does not take it; nova-3 does")
        tokens = keyterm_tokens(self.keyterm)
        if tokens > MAX_KEYTERM_TOKENS:
            raise ConfigurationError(
                f"the keyterms are about {tokens} tokens together; Deepgram takes "
                f"{MAX_KEYTERM_TOKENS}, so leave some out",
                code="invalid_query",
            )
        if len(self.search) > MAX_SEARCH:
            raise invalid("search", f"{len(self.search)} terms", f"at most {MAX_SEARCH}")

    def _check_utterance_end(self) -> None:
        if self.utterance_end_ms is None:
            return
        if not MIN_UTTERANCE_END <= self.utterance_end_ms <= MAX_UTTERANCE_END:
            raise invalid(
                "utterance_end_ms",
                self.utterance_end_ms,
                f"{MIN_UTTERANCE_END} to {MAX_UTTERANCE_END} ms",
            )
        if not self.interim_results:
            raise invalid(
                "utterance_end_ms", self.utterance_end_ms, "it needs interim_results=true"
            )


def parse_query(pairs: Pairs) -> ListenQuery:
    """Reads a query; ``ConfigurationError`` for a value of the wrong kind."""
    values: dict[str, Any] = {}
    others: list[tuple[str, str]] = []
    for name, text in pairs:
        kind = _KINDS.get(name)
        if kind is None:
            others.append((name, text))
        elif kind == "list":
            values[name] = (*values.get(name, ()), *_listed(text))
        elif kind == "languages":
            values[name] = _languages(values.get(name), text)
        else:
            values[name] = _READ[kind](name, text)
    return ListenQuery(**values, others=tuple(others))


def keyterm_tokens(terms: Iterable[str]) -> int:
    """About how many tokens keyterms are: a word of up to four letters is one."""
    return sum((len(word) + 3) // 4 for term in terms for word in term.split())


def invalid(name: str, value: object, hint: str) -> ConfigurationError:
    """The error for a value that cannot be taken, in the server's own words and with a hint."""
    return ConfigurationError(
        f"Invalid '{name}' value of '{value}'. ({hint})", code="invalid_query"
    )


def _bool(name: str, text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise invalid(name, text, "true or false")


def _int(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid(name, text, "a whole number") from None


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise invalid(name, text, "a number") from None


def _endpointing(name: str, text: str) -> int | bool:
    if text.lower() == "false":
        return False
    value = 10 if text.lower() == "true" else _int(name, text)
    if value < 0:
        raise invalid(name, text, "milliseconds of silence, or false")
    return value


def _languages(known: bool | tuple[str, ...] | None, text: str) -> bool | tuple[str, ...]:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return (*(known if isinstance(known, tuple) else ()), *_listed(text))


def _listed(text: str) -> tuple[str, ...]:
    """One value, or those of a Python list that an older client sent as it prints."""
    if text.startswith("[") and text.endswith("]"):
        try:
            found = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return (text,)
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return tuple(found)
    return (text,)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kinds() -> dict[str, str]:
    """How each field is read, from its type."""
    special = {"endpointing": "endpointing", "detect_language": "languages"}
    kinds: dict[str, str] = {}
    hints = typing.get_type_hints(ListenQuery)
    for each in fields(ListenQuery):
        if each.name == "others":
            continue
        hint = hints[each.name]
        plain = [a for a in typing.get_args(hint) if a is not types.NoneType] or [hint]
        named = "list" if hint == tuple[str, ...] else getattr(plain[0], "__name__", "str")
        kinds[each.name] = special.get(each.name, named)
    return kinds


_KINDS = _kinds()
_READ: dict[str, Any] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "endpointing": _endpointing,
    "str": lambda _name, text: text,
}
