"""The way to Deepgram, for ``callscribe doctor``: name, connection, TLS, and the server's clock.

No key is sent. May import ``engines.deepgram``, ``errors``, ``settings`` and ``cli.findings``.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from websockets.exceptions import InvalidProxy, InvalidURI
from websockets.proxy import get_proxy, parse_proxy
from websockets.uri import parse_uri

from callscribe.cli.findings import Finding, Guide, State
from callscribe.engines.deepgram.service import environment
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings

PATIENCE: Final = 5.0
"""Seconds for each step of the way."""

FAR: Final = 0.15
"""Seconds of a round trip from which on another region is worth a look."""

CLOCK_ERROR: Final = 300.0
"""Seconds that this machine's clock may be off."""

CERTIFICATE_DATES: Final = (9, 10)
"""OpenSSL's codes for a certificate that is not valid yet, or not any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server, as ``DEEPGRAM_BASE_URL`` names it; ``proxy`` is what stands before it."""

    host: str
    port: int
    secure: bool
    http: str
    proxy: tuple[str, int] | None


def find_place(base_url: str) -> Place:
    """The server of an address; ``ConfigurationError`` for what is none."""
    addresses = environment(base_url)
    parts = urlsplit(addresses.production)
    try:
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        proxy = get_proxy(parse_uri(addresses.production))
        found = parse_proxy(proxy) if proxy else None
    except (ValueError, InvalidURI) as error:
        raise ConfigurationError(f"DEEPGRAM_BASE_URL is {base_url!r}: {error}") from None
    except InvalidProxy as error:
        raise ConfigurationError(f"HTTPS_PROXY is no proxy: {error.msg}") from None
    return Place(
        parts.hostname or "",
        port,
        parts.scheme == "wss",
        addresses.base,
        (found.host, found.port) if found else None,
    )


def check_route(settings: Settings) -> Finding:
    """The server's name is known, a connection comes about, and TLS shows its certificate."""
    try:
        place = find_place(settings.deepgram_base_url)
    except ConfigurationError as error:
        return Finding("Route", State.BAD, error.message, guide=Guide.NO_CONNECTION)
    host, port = place.proxy or (place.host, place.port)
    name = f"{host}:{port}"
    try:
        steps = walk(host, port, secure=place.secure and place.proxy is None)
    except ssl.SSLError as error:
        return _no_tls(name, error)
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", "") or error
        return Finding(
            "Route", State.BAD, f"there is no address for {host}: {why}",
            "check DEEPGRAM_BASE_URL, and this machine's DNS", Guide.NO_CONNECTION,
        )  # fmt: skip
    except OSError as error:
        return Finding(
            "Route", State.BAD, f"no connection to {name}: {error.strerror or error}",
            f"let this machine out to {name}: a firewall, a proxy or the network is in the way",
            Guide.NO_CONNECTION,
        )  # fmt: skip
    told = ", ".join(f"{step} {seconds * 1000:.0f} ms" for step, seconds in steps.items())
    detail = f"{name}{f', a proxy before {place.host}' if place.proxy else ''}: {told}"
    if steps["connection"] > FAR:
        advice = "each result is later by that; a region that is nearer may be faster"
        return Finding("Route", State.NOTE, detail, advice, Guide.HIGH_LATENCY)
    return Finding("Route", State.GOOD, detail)


def walk(host: str, port: int, *, secure: bool) -> Mapping[str, float]:
    """Goes to a server step by step; the seconds of each. ``OSError`` where it ends."""
    began = time.monotonic()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    named = time.monotonic()
    with contextlib.closing(_connect([str(item[4][0]) for item in found], port)) as plain:
        connected = time.monotonic()
        steps = {"name": named - began, "connection": connected - named}
        if secure:
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host):
                steps["TLS"] = time.monotonic() - connected
    return steps


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first of a name's addresses that answers."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), PATIENCE)
    return socket.create_connection((addresses[-1], port), PATIENCE)


def _no_tls(name: str, error: ssl.SSLError) -> Finding:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    detail = f"{name} was reached, but not by TLS: {why}"
    if getattr(error, "verify_code", 0) in CERTIFICATE_DATES:
        return Finding("Route", State.BAD, detail, "set this machine's clock", Guide.CLOCK)
    advice = (
        "something on the way opens TLS: give this machine its certificate (SSL_CERT_FILE); or "
        "the server has no TLS: ws:// instead of wss://"
    )
    return Finding("Route", State.BAD, detail, advice, Guide.NO_CONNECTION)


def check_clock(settings: Settings, now: Callable[[], float] = time.time) -> Finding:
    """The clock of this machine (UNIX s) agrees with that of the server."""
    place = find_place(settings.deepgram_base_url)
    try:
        there = _date(f"{place.http}/v1/auth/token")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Finding("Clock", State.NOTE, f"{place.host} did not tell its time: {error}")
    off = now() - there
    if abs(off) > CLOCK_ERROR:
        way = "fast" if off > 0 else "slow"
        return Finding(
            "Clock", State.BAD, f"{abs(off) / 60:.0f} minutes {way}, by the time of {place.host}",
            "set the clock and keep it set (NTP): TLS and short-lived tokens fail without it",
            Guide.CLOCK,
        )  # fmt: skip
    return Finding("Clock", State.GOOD, f"within {max(abs(off), 1):.0f} s of {place.host}")


def _date(address: str) -> float:
    """When an answer was made by the clock of the server, UNIX s; any answer will do."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - as given
            said = answer.headers.get("Date")
    except urllib.error.HTTPError as refusal:
        with refusal:
            said = refusal.headers.get("Date")
    if said is None:
        raise ValueError("its answers bear no date")
    return email.utils.parsedate_to_datetime(said).timestamp()
