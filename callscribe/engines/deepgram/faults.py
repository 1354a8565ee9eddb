"""What went wrong at Deepgram: every refusal, close and silence becomes one kind of error, here.

Whether it is worth trying again is decided in this place only. Statuses, body shapes and close
codes are those of Deepgram's documentation and of answers seen from it. May import ``errors``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from callscribe.errors import UpstreamError, reason_of

_ADVICE: Final[Mapping[int, tuple[str, str, bool]]] = {
    # status: (code, what it means and what to do, retryable)
    400: ("deepgram_bad_option", "Deepgram does not take an option of this request", False),
    401: ("deepgram_unauthorized", "Deepgram refused the key; check DEEPGRAM_API_KEY", False),
    402: ("deepgram_no_credit", "the Deepgram project has no credit left; top it up", False),
    403: ("deepgram_forbidden", "the Deepgram key may not use this model or address", False),
    404: ("deepgram_bad_address", "there is no /v1/listen at DEEPGRAM_BASE_URL", False),
    408: ("deepgram_timeout", "Deepgram took too long to answer", True),
    429: ("deepgram_busy", "the Deepgram project has too many streams at once", True),
}

_NET: Final = re.compile(r"net-?000([01])", re.IGNORECASE)
_DATA: Final = re.compile(r"data-?0000", re.IGNORECASE)


def refused(status: int, headers: Mapping[str, str], body: bytes | str = b"") -> UpstreamError:
    """The error for an HTTP answer that is no success, to an upgrade or a request.

    ``headers`` by their names in lower case.
    """
    code, advice, retryable = _ADVICE.get(status) or (
        ("deepgram_unavailable", "Deepgram is not available", True)
        if status >= 500
        else ("deepgram_refused", "Deepgram refused the request", False)
    )
    found = _body(body)
    said = headers.get("dg-error") or _first(found, "err_msg", "message", "details", "reason")
    request_id = headers.get("dg-request-id") or _first(found, "request_id")
    return UpstreamError(
        f"{advice} (HTTP {status}{f': {said}' if said else ''})",
        code=code,
        retryable=retryable,
        request_id=request_id,
    )


def hung_up(code: int, reason: str, request_id: str = "") -> UpstreamError:
    """The error for a connection that was closed from here: nothing came, or nothing to read.

    The code is ours, and says nothing about what the server thinks of what it got.
    """
    return UpstreamError(
        "the connection to Deepgram was given up: what came could not be read, or nothing came "
        f"({code}{f': {reason}' if reason else ''})",
        code="deepgram_closed",
        retryable=True,
        request_id=request_id,
    )


def closed(code: int | None, reason: str, request_id: str = "") -> UpstreamError:
    """The error for a connection that ended before it was told to; the code is the server's."""
    net = _NET.search(reason)
    said = f"{code}{f': {reason}' if reason else ''}"
    if net:
        what = "heard nothing for 10 s" if net[1] == "1" else "had nothing to transcribe"
        return UpstreamError(
            f"Deepgram {what} and closed ({said})",
            code="deepgram_timeout",
            retryable=True,
            request_id=request_id,
        )
    if code == 1008 and _DATA.search(reason):
        return UpstreamError(
            f"Deepgram could not decode the audio ({said})",
            code="deepgram_bad_audio",
            request_id=request_id,
        )
    # 1002, 1003, 1007, 1008, 1009 from there: what we sent was wrong, and would be again.
    wrong = code in (1002, 1003, 1007, 1008, 1009)
    return UpstreamError(
        f"the connection to Deepgram broke off ({said})",
        code="deepgram_closed",
        retryable=not wrong,
        request_id=request_id,
    )


def unreachable(error: Exception) -> UpstreamError:
    """The error for a network that does not lead to Deepgram."""
    return UpstreamError(
        f"Deepgram cannot be reached ({reason_of(error)})",
        code="deepgram_unreachable",
        retryable=True,
    )


def no_proxy(why: str) -> UpstreamError:
    """The error for a proxy that the environment names and that cannot be used."""
    return UpstreamError(
        f"Deepgram cannot be reached: the proxy of the environment cannot be used ({why})",
        code="deepgram_unreachable",
    )


def stalled(seconds: float, request_id: str = "") -> UpstreamError:
    """The error for a connection that takes audio and gives nothing back."""
    return _stalled(f"answered nothing to {seconds:.0f} s of audio", request_id)


def deaf(seconds: float, request_id: str = "") -> UpstreamError:
    """The error for a connection that makes nothing of speech, though it is heard here."""
    return _stalled(f"answered nothing to speech for {seconds:.1f} s", request_id)


def unended(request_id: str = "") -> UpstreamError:
    """The error for a connection that leaves words open and is silent when asked for a final."""
    return _stalled("left what was said open, and answered nothing when asked for it", request_id)


def blocked(seconds: float, request_id: str = "") -> UpstreamError:
    """The error for a connection that takes no audio any more."""
    return _stalled(f"took nothing of what was sent for {seconds:.1f} s", request_id)


def _stalled(what: str, request_id: str) -> UpstreamError:
    return UpstreamError(
        f"Deepgram {what}", code="deepgram_stalled", retryable=True, request_id=request_id
    )


def unread(request_id: str = "") -> UpstreamError:
    """The error for a final that was among the messages which could not be read."""
    return UpstreamError(
        "the connection to Deepgram was given up: a final could not be read",
        code="deepgram_closed",
        retryable=True,
        request_id=request_id,
    )


def late(what: str, seconds: float, request_id: str = "") -> UpstreamError:
    """The error for a server that at the end did not do ``what`` in time."""
    return UpstreamError(
        f"Deepgram did not {what} within {seconds:.0f} s",
        code="deepgram_timeout",
        retryable=True,
        request_id=request_id,
    )


def first(group: BaseExceptionGroup[UpstreamError]) -> UpstreamError:
    """The error that a group of tasks ended with."""
    error = group.exceptions[0]
    return first(error) if isinstance(error, BaseExceptionGroup) else error


def as_json(body: object) -> str:
    """A body that has been read already, as text again."""
    try:
        return json.dumps(body)
    except (TypeError, ValueError):
        return ""


def _body(body: bytes | str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _first(found: dict[str, Any], *names: str) -> str:
    return next((str(found[name])[:300] for name in names if found.get(name)), "")
