"""The order in which the server's parts begin and end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.shelf import Shelf
from callscribe.web import lifetime as module
from callscribe.web.app import create_app
from callscribe.web.lifetime import LATER, lifetime
from tests.engines_for_tests import EnergyEngine, energy_factory
from tests.serving import serving

pytestmark = pytest.mark.anyio


async def test_what_was_said_is_in_the_store_when_the_server_has_ended(settings: Settings) -> None:
    app = create_app(settings, engine_factory=energy_factory)
    context = app.state.context
    async with lifetime(context, context.service._bus, Shelf()):
        session_id = await context.service.initialize_session("call")
    assert context.ledger.keeper.counts["stored"] == 2  # its beginning and its end
    assert context.backends.engines["whisper"].closed
    with serving(settings) as again:
        call = httpx.get(f"{again.http}/api/sessions/{session_id}").json()
    assert call["state"] == "ended"


async def test_a_second_server_leaves_the_calls_of_the_first_alone(
    settings: Settings, tmp_path: Path
) -> None:
    """Over the same folder by mistake, and over the same store on purpose."""
    elsewhere = settings.model_copy(
        update={"data_dir": tmp_path / "other", "database_url": settings.store_url}
    )
    with serving(settings) as first:
        httpx.post(f"{first.http}/api/sessions", json={"session_id": "call"})
        for other in (settings, elsewhere):
            with serving(other) as second:
                assert second.context.service.sessions() == []
        told = httpx.get(f"{first.http}/api/sessions/call/events").json()["events"]
        assert [e["type"] for e in told] == ["session_started"]
        assert httpx.get(f"{first.http}/api/sessions/call").json()["state"] == "running"


async def test_a_store_that_cannot_be_opened_keeps_the_server_down(settings: Settings) -> None:
    wrong = settings.model_copy(update={"database_url": "mysql://somewhere/calls"})
    context = create_app(wrong, engine_factory=energy_factory).state.context
    with pytest.raises(ConfigurationError, match="postgresql://"):
        async with lifetime(context, context.service._bus, Shelf()):
            pass


async def test_what_calls_need_is_loaded_behind_the_first_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "QUIET", 0)
    (tmp_path / "a_broken_module.py").write_text("raise OSError('no library for it')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "LATER", ("no_such_module", "a_broken_module", "colorsys"))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    context = create_app(settings, engine_factory=energy_factory).state.context
    async with asyncio.timeout(10), lifetime(context, context.service._bus, Shelf()):
        while "colorsys" not in sys.modules:
            await asyncio.sleep(0.01)


class Warms(EnergyEngine):
    """Loads more than it has to begin with; it may not be able to."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.warmed = asyncio.Event()

    async def warm(self) -> None:
        self.warmed.set()
        if self.error is not None:
            raise self.error


async def test_engines_are_warm_before_the_first_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET", 0)
    monkeypatch.setattr(module, "LATER", ())
    engines = {"whisper": Warms(OSError("no library for it")), "deepgram": Warms()}
    context = create_app(settings, engine_factory=lambda name, _: engines[name]).state.context
    async with asyncio.timeout(10), lifetime(context, context.service._bus, Shelf()):
        for engine in engines.values():
            await engine.warmed.wait()


FIRST_CALLS = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from callscribe.engines.silero import SileroModel
from callscribe.web.listen.incoming import Packets
before = set(sys.modules)
SileroModel()
Packets("libopus", 1)
print(*sorted(set(sys.modules) - before))
"""


def test_a_first_call_finds_all_that_was_left_for_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CALLS, *LATER], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
