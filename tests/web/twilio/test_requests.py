"""Which requests count as Twilio's."""

import pytest
from starlette.requests import Request
from starlette.types import Message
from twilio.request_validator import RequestValidator

from callscribe.errors import CallscribeError
from callscribe.web.twilio.requests import public_address, signed_form

pytestmark = pytest.mark.anyio

VALIDATOR = RequestValidator("secret")
ADDRESS = "https://calls.example.com"


def request(body: bytes, signature: str, query: bytes = b"") -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"host", b"127.0.0.1:8000"), (b"x-twilio-signature", signature.encode("latin-1"))]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": "/twilio/voice",
        "query_string": query, "headers": headers, "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    return Request(scope, receive)


async def test_what_is_signed_is_the_public_address_with_its_query() -> None:
    signature = VALIDATOR.compute_signature(
        f"{ADDRESS}/twilio/voice?language=fr", {"A": "é +", "B": ""}
    )
    given = request(b"B=&A=%C3%A9+%2B", signature, b"language=fr")
    form = await signed_form(given, VALIDATOR, ADDRESS)
    assert dict(form) == {"A": "é +", "B": ""}


async def test_a_port_in_the_address_makes_no_difference() -> None:
    """Twilio signs some addresses with their port and some without."""
    signature = VALIDATOR.compute_signature(f"{ADDRESS}:443/twilio/voice", {"A": "1"})
    assert await signed_form(request(b"A=1", signature), VALIDATOR, ADDRESS)


@pytest.mark.parametrize("signature", ["", "x", "é" * 28])
async def test_what_is_not_signed_is_told_what_to_check(signature: str) -> None:
    with pytest.raises(CallscribeError, match="CALLSCRIBE_TWILIO_AUTH_TOKEN") as caught:
        await signed_form(request(b"A=1", signature), VALIDATOR, ADDRESS)
    assert caught.value.code == "forbidden"


def test_without_a_public_address_the_request_knows_it() -> None:
    assert public_address("", request(b"", "")) == "http://127.0.0.1:8000"
    assert public_address(ADDRESS, request(b"", "")) == ADDRESS
