"""How Deepgram says no: codes, bodies and headers of refusals, reasons of closes.

May import nothing of ours.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

CODES: Final = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    402: "ASR_PAYMENT_REQUIRED",
    413: "PAYLOAD_TOO_LARGE",
}
"""``err_code`` by HTTP status, where it is not the status's own name."""

UNDECODABLE: Final = (1008, "DATA-0000")
SILENT_CLIENT: Final = (
    1011,
    "NET-0001: no audio data or text message came within the timeout window",
)
NO_AUDIO: Final = (1011, "NET-0000: no audio came to transcribe within the timeout window")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request or upgrade that is refused."""

    status: int
    headers: dict[str, str]
    body: bytes


def new_request_id() -> str:
    """An id for a request; official clients refuse what is no UUID."""
    return str(uuid.uuid4())


def refusal(status: int, message: str, request_id: str, *, code: str | None = None) -> Refusal:
    """A refusal in words; ``code`` where the status alone does not say enough."""
    code = code or CODES.get(status) or _name(status)
    headers = {
        "content-type": "application/json",
        "dg-request-id": request_id,
        "dg-error": _printable(message),
    }
    if status == 503:
        headers["Retry-After"] = "5"
    body = {"err_code": code, "err_msg": message, "request_id": request_id}
    return Refusal(status, headers, json.dumps(body, ensure_ascii=False).encode())


def _name(status: int) -> str:
    """The name of a status: ``TOO_MANY_REQUESTS``."""
    try:
        return HTTPStatus(status).name
    except ValueError:
        return f"HTTP_{status}"


def _printable(message: str) -> str:
    """What a header can hold of a message."""
    return re.sub(r"[^ -~]", lambda found: " " if found[0].isspace() else "?", message).strip()
