"""A server in a process of its own."""

import socket
from pathlib import Path

import pytest

from callscribe.demo import server
from callscribe.demo.server import free_port, running_server
from callscribe.errors import EngineError
from callscribe.settings import Settings

pytestmark = pytest.mark.anyio


def test_the_wanted_port_or_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = free_port("127.0.0.1", port)
        assert other not in (0, port)
    assert free_port("127.0.0.1", other) == other


async def test_a_server_without_a_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLSCRIBE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CALLSCRIBE_WHISPER_MODEL", str(tmp_path / "no-model"))
    said: list[str] = []
    settings = Settings.model_validate({})
    with pytest.raises(EngineError, match="there is no folder"):
        async with running_server(settings, free_port("127.0.0.1", 0), said.append):
            raise AssertionError("it came up")


async def test_a_server_that_cannot_listen_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.settimeout(0)
        with pytest.raises(EngineError, match="taken by another program"):
            async with running_server(
                Settings.model_validate({"data_dir": tmp_path}), taken.getsockname()[1], print
            ):
                raise AssertionError("it came up")


async def test_patience_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "START", 0.3)
    with pytest.raises(EngineError, match="it took longer than"):
        async with running_server(
            Settings.model_validate({"data_dir": tmp_path}), free_port("127.0.0.1", 0), print
        ):
            raise AssertionError("it came up")
