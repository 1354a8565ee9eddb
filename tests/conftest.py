"""What every test may use."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from callscribe.engines.whisper import service as whisper_service
from callscribe.engines.whisper.decoder import WhisperDecoder
from callscribe.settings import Settings
from tests.postgres import postgres, postgres_server
from tests.serving import AudioClient, Served, serving

__all__ = ["postgres", "postgres_server"]

Dial = Callable[..., Awaitable[AudioClient]]

WAITING = ("slow", "browser")
"""Marks of tests that take long, most of it waiting."""

# A busy machine must not turn a slow example into a failure.
hypothesis.settings.register_profile("callscribe", deadline=None)
hypothesis.settings.load_profile("callscribe")

# Tests read what is logged, at any level; a program that sets up nothing is told warnings only.
structlog.configure()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with slow tests first: of several processes, none is left with one in the end."""
    slow: Counter[Path] = Counter()
    for item in items:
        slow[item.path] += sum(item.get_closest_marker(name) is not None for name in WAITING)
    size = Counter(item.path for item in items)
    items.sort(key=lambda item: (-slow[item.path], -size[item.path], item.path))


@pytest.fixture(scope="session", autouse=True)
def models_are_loaded_once() -> Iterator[None]:
    """A Whisper model is loaded once for all engines in this process; legs share nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whisper_service, "WhisperDecoder", cache(WhisperDecoder))
        yield


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, which the server runs on."""
    return "asyncio"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of their own for each test, whatever the environment says."""
    return Settings.model_validate({"data_dir": tmp_path, "port": 0, "leg_grace": 5.0})


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    """A real server that hears tones."""
    with serving(settings) as running:
        yield running


@pytest.fixture
async def dial(served: Served) -> AsyncIterator[Dial]:
    """Starts legs at the server; hangs up for those that the test leaves open."""
    clients: list[AudioClient] = []

    async def start(**message: Any) -> AudioClient:
        clients.append(await AudioClient.start(served, **message))
        return clients[-1]

    yield start
    for client in clients:
        await client.socket.close()
