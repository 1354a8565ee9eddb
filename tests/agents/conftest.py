"""What the tests of agents share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.agents.keeping import Kept, keeping


@pytest.fixture
async def store() -> AsyncIterator[Kept]:
    """The real store, empty."""
    async with keeping() as kept:
        yield kept
