"""What may change while a stream runs."""

from __future__ import annotations

import pytest

from callscribe.web.listen.configure import Refusal, new_keyterms
from callscribe.wire.deepgram import Configure, Features
from callscribe.wire.deepgram_query import ListenQuery

NOVA = ListenQuery(model="nova-3")


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        (Configure(), None),
        (Configure(keyterms=None, features=None), None),
        (Configure(features=Features(numerals=False)), None),
        (Configure(keyterms=[]), ()),
        (Configure(keyterms=["Zoé", "fibre"]), ("Zoé", "fibre")),
    ],
)
def test_what_is_taken(asked: Configure, terms: tuple[str, ...] | None) -> None:
    assert new_keyterms(asked, NOVA, waiting=False) == terms
    assert new_keyterms(asked, ListenQuery(), waiting=False) == terms


@pytest.mark.parametrize(
    ("asked", "model", "waiting", "code"),
    [
        (Configure(keyterms=["x"]), "nova-2", False, "CONFIGURE_KEYTERMS_NOT_SUPPORTED"),
        (Configure(keyterms=["x"] * 501), "nova-3", False, "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"),
        (Configure(keyterms=["x"]), "nova-3", True, "CONFIGURE_ALREADY_PENDING"),
        (Configure(features=Features(numerals=True)), "nova-3", False, "CONFIGURE_INTERNAL_ERROR"),
    ],
)
def test_what_is_refused(asked: Configure, model: str, *, waiting: bool, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        new_keyterms(asked, ListenQuery(model=model), waiting=waiting)
    assert caught.value.code == code
    assert caught.value.description
