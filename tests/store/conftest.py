"""Stores in both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL

from callscribe.store.database import parse_address


@pytest.fixture
def file(tmp_path: Path) -> URL:
    """A SQLite database that is not there yet."""
    return parse_address(str(tmp_path / "calls.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, file: URL) -> URL:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return file
    return parse_address(request.getfixturevalue("postgres"))
