"""The sessions of a process: found by their ids, and forgotten when others come."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from callscribe import sessions
from callscribe.engines.base import StreamingConnection
from tests.calls import calls

pytestmark = pytest.mark.anyio


async def test_the_view_of_connections_is_live_and_read_only() -> None:
    async with calls() as call:
        view = call.service.streaming_connections
        assert isinstance(view, Mapping)
        assert not hasattr(view, "__setitem__")
        session = await call.session()
        await call.service.open_leg(session.session_id, "agent")
        assert len(view) == call.service.live_legs == 1
        assert isinstance(view[f"{session.session_id}_agent"], StreamingConnection)
        assert "nobody_agent" not in view
        await call.service.end_leg(session.session_id, "agent")
        assert len(view) == call.service.live_legs == 0


async def test_memory_holds_a_bounded_number_of_ended_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "KEPT", 2)
    async with calls() as call:
        running = await call.service.initialize_session("running")
        for number in range(5):
            await call.service.initialize_session(f"call-{number}")
            await call.service.end_session(f"call-{number}")
        await call.service.initialize_session("last")
        kept = [session.session_id for session in call.service.sessions()]
        assert kept == ["last", "call-4", "call-3", running]
        assert call.events("call-0") == []
