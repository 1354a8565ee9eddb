"""The agents' place in the server."""

from __future__ import annotations

import pytest

from callscribe.errors import StoreError
from callscribe.web.desk import Desk


def test_nothing_can_be_asked_before_the_store_is_open() -> None:
    desk = Desk([])
    with pytest.raises(StoreError):
        _ = desk.runner
    with pytest.raises(StoreError):
        _ = desk.store
