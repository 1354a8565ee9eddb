"""How logs are written: structlog, for our own lines and for those of the libraries.

Speech appears at debug level only; a value under a name that sounds like a secret never does.
Imports nothing of ours.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

_SECRET = re.compile(r"key|token|secret|password|authorization|resume", re.IGNORECASE)


def configure(
    level: str = "info",
    form: Literal["console", "json"] = "console",
    *,
    stream: TextIO | None = None,
) -> None:
    """Sets up logging for the process: ``level`` and above, to ``stream`` or standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _plain,
        hide_secrets,
    ]
    target = stream or sys.stderr
    renderer: structlog.typing.Processor
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        # Plain: a traceback that shows variables would show keys and speech.
        renderer = structlog.dev.ConsoleRenderer(
            colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries that log what goes through them would write speech and keys at debug.
    chatties = ("websockets", "httpx", "httpcore", "asyncio", "urllib3", "filelock")
    for chatty in (*chatties, "alembic", "twilio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # The server's own lines are wanted, the headers that its socket library adds to them are not.
    logging.getLogger("uvicorn.error").setLevel(max(root.level, logging.INFO))


def ensure() -> None:
    """For a program that has not set up structlog: warnings, to standard error, no variables.

    structlog's own default would print everything, speech and the variables of tracebacks included.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: values under names like ``api_key`` become ``***``."""
    for name in event:
        if _SECRET.search(name) and name != "event":
            event[name] = "***"
    return event


def _plain(
    _logger: object, _name: str, entry: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leaves out what uvicorn adds for terminals: its message once more, with colours."""
    entry.pop("color_message", None)
    return entry
