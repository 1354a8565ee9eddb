"""What an engine tells of a leg, as tests look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from callscribe.engines.base import EngineEvent
from callscribe.transcript import Result

Kind = TypeVar("Kind")


class Heard(list[EngineEvent]):
    """A callback that keeps all events."""

    def __call__(self, event: EngineEvent) -> None:
        self.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def finals(self) -> list[Result]:
        return [result for result in self.of(Result) if result.is_final]

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self.finals)


async def until(what: Callable[[], object]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.01)
