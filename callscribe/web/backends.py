"""The engines of this deployment: which there are, which can be used, and why not.

May import ``engines`` and ``errors``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import structlog

from callscribe.engines.base import Budgeted, BudgetUse, TranscriptionEngine
from callscribe.errors import CallscribeError, CapacityError, ModelError

_log = structlog.get_logger(__name__)

MODEL_PATIENCE = 120.0
"""Seconds that a leg waits for its engine's model."""


@runtime_checkable
class _Loads(Protocol):
    """An engine that has to load something before its first leg."""

    async def start(self) -> None: ...


class Backends:
    """The engines by name, and what each one is doing.

    ``missing`` are the engines that cannot be used, each with the reason for a person. ``tell``
    hears of an engine that turns out to be unusable, by name, and why.
    """

    def __init__(
        self, engines: Mapping[str, TranscriptionEngine], missing: Mapping[str, str]
    ) -> None:
        self.engines = engines
        self._missing = missing
        self._failures: dict[str, CallscribeError] = {}
        self._settled = {name: asyncio.Event() for name in engines}
        self.tell: Callable[[str, str], None] = lambda _name, _why: None

    async def load(self, name: str) -> None:
        """Has an engine load what it needs; a failure is kept for those who want to use it."""
        engine = self.engines[name]
        try:
            if isinstance(engine, _Loads):
                await engine.start()
        except CallscribeError as error:
            _log.error("engine_not_loaded", engine=name, code=error.code, problem=error.message)
            self._fail(name, error)
        except Exception as error:  # noqa: BLE001 - the server and the other engines go on
            _log.error("engine_not_loaded", engine=name, exc_info=error)
            # Whoever asks is told what a wrong model would be told: come back when it is mended.
            self._fail(name, ModelError(f"{name} cannot be loaded; the log says why"))
        finally:
            self._settled[name].set()

    def _fail(self, name: str, error: CallscribeError) -> None:
        self._failures[name] = error
        self.tell(name, error.message)

    def check(self, name: str) -> None:
        """Raises the error of loading where it is known that there was one; waits for nothing."""
        if name in self._failures:
            raise self._failures[name]

    async def ready(self, name: str, patience: float = MODEL_PATIENCE) -> None:
        """Waits until an engine can take legs.

        ``CapacityError`` when that takes longer than ``patience`` seconds, or the error of loading.
        """
        try:
            async with asyncio.timeout(patience):
                await self._settled[name].wait()
        except TimeoutError:
            raise CapacityError(
                "the model is still being loaded; try again in a while", code="model_loading"
            ) from None
        self.check(name)

    @property
    def max_legs(self) -> int:
        """How many legs are taken at once; 0 where nobody knows yet or there is no limit."""
        return max((getattr(engine, "max_legs", 0) for engine in self.engines.values()), default=0)

    @property
    def budgets(self) -> list[tuple[str, BudgetUse]]:
        """What engines may use only so much of, with the engine's name, and how much they do."""
        return [
            (name, use)
            for name, engine in self.engines.items()
            if isinstance(engine, Budgeted)
            for use in engine.budgets
        ]

    def status(self) -> list[tuple[str, bool, str]]:
        """For each engine its name, whether it can be used now, and the reason if not."""
        found = [(name, not (why := self._trouble(name)), why) for name in self.engines]
        return found + [(name, False, why) for name, why in self._missing.items()]

    def is_loading(self, name: str) -> bool:
        """Whether an engine will be available soon, or say why not."""
        return name in self._settled and not self._settled[name].is_set()

    def _trouble(self, name: str) -> str:
        if name in self._failures:
            return self._failures[name].message
        return "" if self._settled[name].is_set() else "the model is being loaded"

    async def close(self) -> None:
        """Closes all engines."""
        for name, engine in self.engines.items():
            try:
                await engine.close()
            except Exception as error:  # noqa: BLE001 - the others must be closed all the same
                _log.error("engine_not_closed", engine=name, exc_info=error)
