"""How logs are written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from callscribe import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


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
