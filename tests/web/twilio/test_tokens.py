"""Tokens that open one stream of one call, for a moment."""

import pytest

from callscribe.errors import AuthenticationError
from callscribe.web.twilio import tokens as module
from callscribe.web.twilio.tokens import LIFE, Tokens
from tests.calls import Clock


def test_a_token_is_good_once_for_its_call() -> None:
    tokens = Tokens(Clock().monotonic)
    token = tokens.grant("CA1", again=True)
    assert len(token) > 40
    assert tokens.redeem(token, "CA1").again
    with pytest.raises(AuthenticationError, match="used up"):
        tokens.redeem(token, "CA1")


def test_a_token_of_another_call_is_burnt() -> None:
    tokens = Tokens(Clock().monotonic)
    token = tokens.grant("CA1")
    for call in ("CA2", "CA1"):
        with pytest.raises(AuthenticationError):
            tokens.redeem(token, call)


def test_a_token_is_good_for_a_moment() -> None:
    clock = Clock()
    tokens = Tokens(clock.monotonic)
    good, bad = tokens.grant("CA1"), tokens.grant("CA1")
    clock.now += LIFE - 0.1
    tokens.redeem(good, "CA1")
    clock.now += 0.1
    with pytest.raises(AuthenticationError, match="60 s"):
        tokens.redeem(bad, "CA1")


def test_tokens_that_nobody_uses_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    clock = Clock()
    tokens = Tokens(clock.monotonic)
    for number in range(50):
        tokens.grant(f"CA{number}")
        assert len(tokens._waiting) <= 10
    clock.now += LIFE
    tokens.grant("CA")
    assert len(tokens._waiting) == 1
