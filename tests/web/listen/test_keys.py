"""Keys and short-lived tokens."""

from __future__ import annotations

import pytest

from callscribe.errors import AuthenticationError
from callscribe.web.listen.keys import Keys, chosen_subprotocol, given_credential


def scope(header: str = "", *subprotocols: str) -> dict[str, object]:
    headers = [(b"authorization", header.encode())] if header else []
    return {"type": "websocket", "headers": headers, "subprotocols": list(subprotocols)}


@pytest.mark.parametrize(
    "request_scope",
    [
        scope("Token secret"),
        scope("token secret"),
        scope("bearer secret"),
        scope("", "token", "secret"),
        scope("", "bearer", "secret", "x-deepgram-session-id", "1"),
    ],
)
def test_where_a_key_may_stand(request_scope: dict[str, object]) -> None:
    assert given_credential(request_scope) == "secret"
    Keys(["other", "secret"], lambda: 0.0).check(request_scope)


@pytest.mark.parametrize("request_scope", [scope(), scope("Basic secret"), scope("Token wrong")])
def test_others_stay_out(request_scope: dict[str, object]) -> None:
    with pytest.raises(AuthenticationError):
        Keys(["secret"], lambda: 0.0).check(request_scope)
    Keys([], lambda: 0.0).check(request_scope)


def test_the_subprotocol_that_was_offered_is_answered() -> None:
    assert chosen_subprotocol(scope("", "token", "k")) == "token"
    assert chosen_subprotocol(scope("", "bearer", "k")) == "bearer"
    assert chosen_subprotocol(scope("", "chat")) is None
    assert chosen_subprotocol(scope()) is None


def test_a_token_is_good_until_it_is_old() -> None:
    now = [100.0]
    keys = Keys(["secret"], lambda: now[0])
    token = keys.grant(30)
    keys.check(scope(f"Bearer {token}"))
    with pytest.raises(AuthenticationError):
        keys.check(scope(f"Bearer {token}"), allow_token=False)
    now[0] = 130.0
    with pytest.raises(AuthenticationError):
        keys.check(scope(f"Bearer {token}"))
