"""Options that the configuration may add to Deepgram's query: as we say them, as the SDK does."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

OPTIONS: Final[dict[str, list[str]]] = {
    "diarize": ["true"],
    "numerals": ["true"],
    "profanity_filter": ["true"],
    "mip_opt_out": ["true"],
    "keyterm": ["Zoé", "fibre optique"],
    "replace": ["euh:", "wifi:Wi-Fi", "a&b:100 % = c+d"],
    "search": ["résilier", "numéro de client"],
    "tag": ["équipe/nord", "essai"],
}
"""On the wire, decoded: accents, spaces and separators among them."""

SDK_ARGUMENTS: Final[dict[str, Any]] = {
    "model": "nova-3",
    "diarize": True,
    "numerals": True,
    "profanity_filter": True,
    "mip_opt_out": True,
    **{name: values for name, values in OPTIONS.items() if values != ["true"]},
}
"""The same for the official SDK, in its own types."""


def query(target: str) -> dict[str, list[str]]:
    """The decoded query of a request line."""
    return parse_qs(urlsplit(target).query, keep_blank_values=True, strict_parsing=True)


def raw(target: str, *names: str) -> list[str]:
    """The undecoded pairs of a request line that have these names."""
    pairs = urlsplit(target).query.split("&")
    return sorted(pair for pair in pairs if pair.split("=")[0] in names)
