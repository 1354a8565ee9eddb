"""``/api/sessions``: calls begin, are looked at, end and are deleted.

May import ``service``, ``export`` and the rest of ``web``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response

from callscribe.export import FORMATS, export
from callscribe.session import Session
from callscribe.web.context import InContext
from callscribe.web.models import (
    EventList,
    InvalidRequest,
    NewSession,
    Problem,
    SessionInfo,
    SessionList,
)

NO_SUCH: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


@router.get("")
async def list_sessions(context: InContext) -> SessionList:
    """The sessions in memory, the latest first, without their transcripts."""
    found = [_summary(session) for session in context.service.sessions()]
    return SessionList.model_validate({"sessions": found})


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
    return _info(context.service.session(session_id))


@router.get("/{session_id}", responses=NO_SUCH)
async def read_session(context: InContext, session_id: str) -> SessionInfo:
    """A session and what has been said in it so far."""
    return _info(context.service.session(session_id))


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
    form: Annotated[
        Literal["text", "json", "srt", "vtt"],
        Query(alias="format", description="How it is written."),
    ] = "text",
) -> Response:
    """What has been said so far, as a file."""
    transcript = context.service.transcript(session_id)
    chosen = FORMATS[form]
    return Response(
        export(transcript, form),
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
    return EventList(
        events=[event.to_dict() for event in context.service.history(session_id, since)]
    )


@router.post("/{session_id}/end", responses=NO_SUCH)
async def end_session(context: InContext, session_id: str) -> SessionInfo:
    """Ends a session and answers when its last words are written down. May be repeated."""
    await context.service.end_session(session_id)
    return _info(context.service.session(session_id))


@router.delete("/{session_id}", status_code=204, responses=NO_SUCH)
async def delete_session(context: InContext, session_id: str) -> None:
    """Ends a session and forgets it; the files of its transcript stay."""
    await context.service.delete_session(session_id)


def _summary(session: Session) -> dict[str, Any]:
    ended = session.ended_at
    return {
        "session_id": session.session_id,
        "started_at": datetime.fromtimestamp(session.started_at, UTC),
        "ended_at": None if ended is None else datetime.fromtimestamp(ended, UTC),
        "legs": [leg.to_dict() for leg in session.legs.all],
    }


def _info(session: Session) -> SessionInfo:
    transcript = session.record.transcript.to_dict()
    return SessionInfo.model_validate({**_summary(session), "transcript": transcript})
