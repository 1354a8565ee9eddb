"""``/api/sessions``: calls begin, are found, looked at, end and are deleted.

May import ``calls``, ``service``, ``export`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import AwareDatetime

from callscribe.calls import MOST
from callscribe.errors import StoreError
from callscribe.export import FORMATS, export
from callscribe.session import Session
from callscribe.store.base import StoredCall
from callscribe.web.context import Context, InContext
from callscribe.web.models import (
    EventList,
    FormatName,
    InvalidRequest,
    NewSession,
    Problem,
    ResultList,
    SessionInfo,
    SessionList,
    Swap,
)
from callscribe.web.sources import source_of

NO_SUCH: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


@router.get("")
async def list_sessions(
    context: InContext,
    q: Annotated[
        str,
        Query(description="Only calls in which somebody said all these words.", max_length=200),
    ] = "",
    before: Annotated[
        AwareDatetime | None, Query(description="Only calls that began before this.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = 50,
) -> SessionList:
    """The calls, the latest first, without their transcripts."""
    began = None if before is None else before.timestamp()
    try:
        found = await context.calls.recent(q, began, limit)
    except StoreError:
        if q or before:
            raise
        return SessionList.model_validate(
            {"sessions": [_from_memory(session) for session in context.service.sessions()]}
        )
    listed = [_summary(context, call) for call in found]
    if context.ledger.away and not (q or before):  # it does not know of those begun since
        known = {call.session_id for call in found}
        here = [s for s in context.service.sessions() if s.session_id not in known]
        listed = [*map(_from_memory, here), *listed][:limit]
    return SessionList.model_validate({"sessions": listed}, from_attributes=True)


@router.post(
    "",
    status_code=201,
    responses={
        409: {"model": Problem, "description": "There is a session with this id already."},
        422: {"model": InvalidRequest},
        503: {
            "model": Problem,
            "description": "The server is shutting down or full, or its model cannot be used.",
        },
    },
)
async def begin_session(
    context: InContext, wanted: Annotated[NewSession | None, Body()] = None
) -> SessionInfo:
    """Begins a session under the present configuration."""
    session_id = await context.service.initialize_session(wanted.session_id if wanted else None)
    return await _info(context, session_id)


@router.get("/{session_id}", responses=NO_SUCH)
async def read_session(context: InContext, session_id: str) -> SessionInfo:
    """A call and what has been said in it so far."""
    return await _info(context, session_id)


@router.get(
    "/{session_id}/transcript",
    response_class=Response,
    responses={
        **NO_SUCH,
        200: {"content": {form.media_type: {} for form in FORMATS.values()}},
    },
)
async def download_transcript(
    context: InContext,
    session_id: str,
    form: Annotated[FormatName, Query(alias="format", description="How it is written.")] = "text",
) -> Response:
    """What has been said so far, as a file."""
    said = await context.calls.transcript(session_id)
    chosen = FORMATS[form]
    source = await source_of(context.calls, session_id)
    now = said.copy()  # one that goes on grows meanwhile
    return Response(
        await asyncio.to_thread(export, now, form, source),
        media_type=f"{chosen.media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{session_id}{chosen.suffix}"'},
    )


@router.get("/{session_id}/events", responses=NO_SUCH)
async def read_events(
    context: InContext,
    session_id: str,
    since: Annotated[int, Query(ge=0, description="The last event that is known.")] = 0,
) -> EventList:
    """The durable events after ``since``; interim results are on the socket only."""
    return EventList(events=await context.calls.events(session_id, since))


@router.get("/{session_id}/results", responses=NO_SUCH)
async def read_results(context: InContext, session_id: str) -> ResultList:
    """What the agents found: alerts, entities, summaries, deliveries."""
    found = await context.calls.results(session_id)
    return ResultList.model_validate({"results": found}, from_attributes=True)


@router.post("/{session_id}/swap", responses={**NO_SUCH, 422: {"model": InvalidRequest}})
async def swap_roles(context: InContext, session_id: str, swap: Swap) -> SessionInfo:
    """Exchanges the names of two speakers of a running call, back to its beginning."""
    context.service.swap_roles(session_id, *swap.speakers)
    return await _info(context, session_id)


@router.post("/{session_id}/end", responses=NO_SUCH)
async def end_session(context: InContext, session_id: str) -> SessionInfo:
    """Ends a session and answers when its last words are written down. May be repeated."""
    if context.calls.live(session_id) is not None:
        await context.service.end_session(session_id)
    return await _info(context, session_id)


@router.delete("/{session_id}", status_code=204, responses=NO_SUCH)
async def delete_session(context: InContext, session_id: str) -> None:
    """Ends a call and forgets it; the files of its transcript stay."""
    await context.calls.delete(session_id)


def _from_memory(session: Session) -> dict[str, Any]:
    state = "ended" if session.ended_at is not None else "running"
    if session.interrupted:
        state = "interrupted"
    return {
        "session_id": session.session_id,
        "state": state,
        "started_at": _time(session.started_at),
        "ended_at": _time(session.ended_at),
        "duration": session.record.transcript.duration,
        "utterances": len(session.record.transcript.utterances),
        "coverage_percent": session.record.talk.coverage_percent,
        "legs": [leg.to_dict() for leg in session.legs.all],
    }


def _summary(context: Context, call: StoredCall) -> dict[str, Any]:
    """A call from the store; the legs of one that goes on are told as they are now."""
    session = context.calls.live(call.session_id)
    past = [
        {
            "speaker": leg.speaker,
            "state": "ended",
            "sample_rate": leg.sample_rate,
            "encoding": leg.encoding,
            "language": leg.language,
            "engine": leg.engine,
            "received": round((leg.seconds or 0.0) * leg.sample_rate),
            "duration": round(leg.seconds or 0.0, 3),
        }
        for leg in call.legs
    ]
    now = [] if session is None else [leg.to_dict() for leg in session.legs.all]
    return {
        "session_id": call.session_id,
        "state": call.state,
        "started_at": _time(call.started_at),
        "ended_at": _time(call.ended_at),
        "duration": call.duration,
        "utterances": call.utterances,
        "coverage_percent": (
            call.coverage if session is None else session.record.talk.coverage_percent
        ),
        "legs": past[: max(0, len(past) - len(now))] + now,
        "matches": call.matches,
    }


async def _info(context: Context, session_id: str) -> SessionInfo:
    """A call with all that is known of it; one that goes on can be told without the store."""
    session = context.calls.live(session_id)
    transcript = (await context.calls.transcript(session_id)).copy()
    # In a thread: of a long call there is much to be read.
    said = await asyncio.to_thread(transcript.to_dict)
    stats = await context.calls.stats(session_id)
    try:
        summary = _summary(context, await context.calls.call(session_id))
    except StoreError:
        if session is None:
            raise
        summary = _from_memory(session)
    return SessionInfo.model_validate(
        {**summary, "transcript": said, "gaps": transcript.gaps, "stats": stats},
        from_attributes=True,
    )


def _time(seconds: float | None) -> datetime | None:
    """A moment in microseconds, never later than it was: ``before`` must not find it again."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(math.floor(seconds * 1e6) / 1e6, UTC)
