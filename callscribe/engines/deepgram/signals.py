"""What a connection to Deepgram shows of itself: open, each message, an error, close.

Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import structlog

Signal = Literal["open", "message", "error", "close"]

_log = structlog.get_logger(__name__)


class Signals:
    """Who observes one connection."""

    def __init__(self, session_id: str) -> None:
        self.errors = 0
        """How often an observer raised; each is logged."""
        self._session_id = session_id
        self._observers: dict[Signal, list[Callable[[Any], object]]] = {}

    def on(self, signal: Signal, observer: Callable[[Any], object]) -> None:
        """Has ``observer`` called; it must return at once."""
        self._observers.setdefault(signal, []).append(observer)

    def send(self, signal: Signal, what: object) -> None:
        """Calls the observers of a signal."""
        for observer in self._observers.get(signal, ()):
            try:
                observer(what)
            except Exception:  # noqa: BLE001 - whatever an observer does, the stream goes on
                self.errors += 1
                _log.exception("observer_failed", session=self._session_id, signal=signal)
