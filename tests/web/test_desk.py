"""The agents' place in the server."""

from __future__ import annotations

import time

import pytest

from callscribe.bus import create_bus
from callscribe.errors import StoreError
from callscribe.ledger import Ledger
from callscribe.web.desk import Desk


def test_nothing_can_be_asked_before_the_store_is_open() -> None:
    ledger = Ledger(create_bus(), time.time)
    desk = Desk([], ledger)
    with pytest.raises(StoreError, match="not been opened yet"):
        _ = desk.runner
    with pytest.raises(StoreError, match="not been opened yet"):
        desk.open()
    with pytest.raises(StoreError, match="not been opened yet"):
        _ = ledger.store
