"""A recording that is named by its address: fetched only from hosts that the operator allows.

Every hop is checked, so that a redirect leads nowhere else. May import ``errors`` and
``web.headers``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import httpx

from callscribe.errors import ConfigurationError
from callscribe.web.headers import MAX_RECORDING

PATIENCE: Final = 30.0
"""Seconds that a host may stay silent."""

MOST_REDIRECTS: Final = 5

PIECE: Final = 1 << 16


async def fetched(
    address: str, hosts: Sequence[str], most: int = MAX_RECORDING
) -> AsyncIterator[bytes]:
    """The bytes at ``address``, piece by piece, ``most`` of them at most.

    ``hosts`` are names, with a port where it is not the scheme's own. ``ConfigurationError`` with
    the code ``invalid_query`` for an address that is not allowed, ``remote_content`` for one whose
    host does not give the recording, ``too_big`` for one that is longer.
    """
    came = 0
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            request = client.build_request("GET", _allowed(address, hosts))
            for _ in range(MOST_REDIRECTS):
                answer = await client.send(request, stream=True)
                if answer.next_request is None:
                    break
                await answer.aclose()
                request = client.build_request("GET", _allowed(str(answer.next_request.url), hosts))
            else:
                raise _not_given(f"it redirected {MOST_REDIRECTS} times")
            try:
                if answer.status_code != 200:
                    raise _not_given(f"it answered {answer.status_code}")
                async for piece in answer.aiter_bytes(PIECE):
                    came += len(piece)
                    if came > most:
                        raise ConfigurationError(
                            f"the recording has more than {most} bytes", code="too_big"
                        )
                    yield piece
            finally:
                await answer.aclose()
    except httpx.HTTPError as error:
        raise _not_given(type(error).__name__) from error


def _allowed(address: str, hosts: Sequence[str]) -> httpx.URL:
    if not hosts:
        raise ConfigurationError(
            "this server fetches no addresses; send the recording itself as the body, or have "
            "CALLSCRIBE_LISTEN_HOSTS name the hosts that it may fetch from",
            code="invalid_query",
        )
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError("url has to be an http or https address", code="invalid_query")
    if url.netloc.decode().lower() not in {host.lower() for host in hosts}:
        raise ConfigurationError(
            f"this server may not fetch from {url.netloc.decode()}; CALLSCRIBE_LISTEN_HOSTS names "
            "the hosts that it may fetch from",
            code="invalid_query",
        )
    return url


def _not_given(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the host of the url did not give the recording: {why}", code="remote_content"
    )
