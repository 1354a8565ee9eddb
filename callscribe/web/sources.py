"""What is known of a call besides its words, for those who write it into a file.

May import ``calls``, ``export`` and ``service``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from callscribe.calls import Calls
from callscribe.errors import StoreError
from callscribe.events import Notice
from callscribe.export import Model, Source
from callscribe.ladder import STAND_IN
from callscribe.session import Session
from callscribe.store.base import StoredCall

Item = TypeVar("Item")


async def source_of(calls: Calls, session_id: str) -> Source:
    """A call's beginning, length, speakers and models; without the store from memory.

    ``SessionNotFound``; ``StoreError`` where only the store knows it.
    """
    session = calls.live(session_id)
    try:
        call = await calls.call(session_id)
    except StoreError:
        if session is None:
            raise
        return Source(
            created=datetime.fromtimestamp(session.started_at, UTC),
            duration=_so_far(session),
            speakers=_once([leg.speaker for leg in session.legs.all]),
            models=_once([Model(_maker(leg.engine)) for leg in session.legs.all if leg.engine]),
        )
    told = await calls.events(session_id)
    return Source(
        created=datetime.fromtimestamp(call.started_at, UTC),
        duration=max(_heard(call), 0.0 if session is None else _so_far(session)),
        speakers=_once([leg.speaker for leg in call.legs]),
        models=_models(call, told),
    )


def _models(call: StoredCall, told: Sequence[dict[str, Any]]) -> tuple[Model, ...]:
    """The models of the legs as they began, and of the engines that stood in later on."""
    found = [Model(_maker(leg.engine), leg.model) for leg in call.legs]
    for event in told:
        if event["type"] == Notice.type and event["code"] == "engine_taken_over":
            engine = _maker(event.get("engine") or STAND_IN)
            if engine not in {model.engine for model in found}:
                found.append(Model(engine))
    return _once(found)


def _maker(engine: str) -> str:
    """Deepgram asked by requests is Deepgram, with the same model."""
    return "deepgram" if engine == "deepgram_rest" else engine


def _heard(call: StoredCall) -> float:
    return max((leg.offset + (leg.seconds or 0.0) for leg in call.legs), default=0.0)


def _so_far(session: Session) -> float:
    return max(((leg.offset or 0.0) + leg.seconds for leg in session.legs.all), default=0.0)


def _once(items: Sequence[Item]) -> tuple[Item, ...]:
    """Without repetitions, in order."""
    return tuple(dict.fromkeys(items))
