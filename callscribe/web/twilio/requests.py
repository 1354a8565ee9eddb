"""Twilio's requests: the form they carry, and whether Twilio has signed them.

May import ``errors``.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from callscribe.errors import CallscribeError, ProtocolError

MOST_FIELDS = 200
"""Fields of a form that are read; Twilio sends about thirty."""

Form = ImmutableMultiDict[str, str]


def public_address(public_url: str, request: Request) -> str:
    """What the server's address is from outside: as configured, or as the request has it."""
    return public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"


async def signed_form(request: Request, validator: RequestValidator, address: str) -> Form:
    """The form of a request; ``CallscribeError`` (forbidden) unless Twilio has signed it.

    ``address`` is the public one: Twilio signs the address that it called, not the one behind a
    tunnel or proxy.
    """
    form = await _form(request)
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{address}{request.url.path}{query}"
    signature = request.headers.get("x-twilio-signature", "")
    if not validator.validate(url, form, signature):
        raise CallscribeError(
            f"this request is not signed by Twilio for {address}{request.url.path}; check "
            "CALLSCRIBE_TWILIO_AUTH_TOKEN and CALLSCRIBE_PUBLIC_URL",
            code="forbidden",
        )
    return form


async def _form(request: Request) -> Form:
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise ProtocolError("the body is no form that can be read") from error
    return ImmutableMultiDict(pairs)
