"""The real model, loaded once for all tests of this room."""

from collections.abc import Iterator

import pytest

from callscribe.engines.whisper import service
from callscribe.engines.whisper.decoder import WhisperDecoder
from callscribe.engines.whisper.models import resolve_model
from tests.speech import MODELS


@pytest.fixture(scope="session")
def decoder() -> Iterator[WhisperDecoder]:
    yield service.WhisperDecoder(resolve_model("base", MODELS), threads=2)
