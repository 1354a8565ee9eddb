"""A connection that may be dead, and one that is not after all."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Doubtful, EngineEvent
from callscribe.engines.deepgram.doubt import Doubt
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.telling import EngineTeller

pytestmark = pytest.mark.anyio


class Doubted(Watch):
    """One that is told what it thinks."""

    doubts = False

    @property
    def is_doubtful(self) -> bool:
        return self.doubts


async def test_each_change_is_said_once() -> None:
    told: list[EngineEvent] = []
    watch = Doubted(16_000, lambda: 7.0, lambda: 2.0)
    doubt = Doubt(watch, EngineTeller(told.append, "s"), "request")
    doubt.look()
    for watch.doubts in (True, True, False, False, True):
        doubt.look()
        assert doubt.is_told is watch.doubts
    assert all(isinstance(event, Doubtful) for event in told)
    errors = [event.error for event in told if isinstance(event, Doubtful)]
    assert [error is not None for error in errors] == [True, False, True]
    assert "request" in str(getattr(errors[0], "request_id", ""))
