"""How logs are written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr
from websockets.asyncio.client import connect

from callscribe import logs
from callscribe.bus import create_bus
from callscribe.configuration import ConfigurationStore
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings
from tests.engines_for_tests import EnergyEngine, tones
from tests.serving import AudioClient, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    structlog.reset_defaults()
    structlog.configure()


def test_json_lines_of_ours_and_of_libraries() -> None:
    out = io.StringIO()
    logs.configure("info", "json", stream=out)
    structlog.get_logger("callscribe.x").info("leg_opened", speaker="agent")
    logging.getLogger("uvicorn.error").warning("strange %s", "thing")
    ours, theirs = (json.loads(line) for line in out.getvalue().splitlines())
    assert (ours["event"], ours["speaker"], ours["level"]) == ("leg_opened", "agent", "info")
    assert (theirs["event"], theirs["logger"]) == ("strange thing", "uvicorn.error")


def test_levels_below_are_left_out() -> None:
    out = io.StringIO()
    logs.configure("info", "console", stream=out)
    structlog.get_logger("callscribe").debug("final", text="secret words")
    assert out.getvalue() == ""


@pytest.mark.parametrize("form", ["console", "json"])
def test_keys_never_appear(form: str) -> None:
    out = io.StringIO()
    logs.configure("debug", form, stream=out)  # type: ignore[arg-type]
    log = structlog.get_logger("callscribe")
    log.info("refused", api_key="abc123", Authorization="Bearer abc123", resume="abc123")
    assert "abc123" not in out.getvalue()
    assert "refused" in out.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_errors_come_with_their_traceback_and_without_variables(form: str) -> None:
    out = io.StringIO()
    logs.configure("info", form, stream=out)  # type: ignore[arg-type]
    words = "".join(["bon", "jour"])
    try:
        raise ValueError("why")  # noqa: TRY301
    except ValueError as error:
        structlog.get_logger("callscribe").error("bug", exc_info=error)
    assert "ValueError: why" in out.getvalue()
    assert words not in out.getvalue()


async def test_no_key_of_a_handshake_is_logged_at_debug(settings: Settings) -> None:
    out = io.StringIO()
    logs.configure("debug", "console", stream=out)
    secret = SecretStr("a-key-of-the-server")
    with serving(settings.model_copy(update={"api_keys": (secret,)})) as served:
        headers = {"Authorization": f"Bearer {secret.get_secret_value()}"}
        async with connect(f"{served.ws}/ws/audio", additional_headers=headers) as socket:
            client = AudioClient(socket)
            await client.send(type="start")
            await client.next()
            await client.audio(tones(440))
            await client.stop()
    assert "session_started" in out.getvalue()
    assert secret.get_secret_value() not in out.getvalue()


@pytest.mark.parametrize("configured", [False, True])
def test_in_a_program_of_somebody_else_only_warnings_are_printed(
    settings: Settings, capfd: pytest.CaptureFixture[str], configured: bool
) -> None:
    structlog.reset_defaults()
    if configured:
        structlog.configure(processors=[lambda *_: "theirs"])  # type: ignore[list-item]
    EnhancedTranscriptionService(
        settings,
        engines={"whisper": EnergyEngine()},
        bus=create_bus(),
        configuration=ConfigurationStore(settings.config_file),
    )
    log = structlog.get_logger("callscribe")
    log.debug("final", text="what was said")
    words = "".join(["bon", "jour"])
    try:
        raise ValueError("why")  # noqa: TRY301
    except ValueError:
        log.exception("bug")
    printed = "".join(capfd.readouterr())
    assert "what was said" not in printed
    assert words not in printed
    assert ("theirs" if configured else "ValueError: why") in printed
