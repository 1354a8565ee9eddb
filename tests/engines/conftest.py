"""The voice activity network, loaded once for all engines' tests."""

import pytest

from callscribe.engines.silero import SileroModel


@pytest.fixture(scope="session")
def silero() -> SileroModel:
    return SileroModel()
