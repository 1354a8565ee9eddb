"""A server for recordings that does one thing wrong, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.deepgram.upstream import Faulty, faulty_server


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    with faulty_server() as server:
        yield server
