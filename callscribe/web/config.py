"""``/api/config/transcription``: how the sessions to come are transcribed.

May import ``settings`` and the rest of ``web``.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from callscribe.settings import TranscriptionConfig
from callscribe.web.context import InContext
from callscribe.web.models import InvalidRequest

router = APIRouter(prefix="/api/config", tags=["configuration"])


@router.get("/transcription")
async def read_configuration(context: InContext) -> TranscriptionConfig:
    """The configuration of the next session."""
    return context.configuration.current


SOME_KEYS = {"content": {"application/json": {"schema": TranscriptionConfig.model_json_schema()}}}
"""The body of a change: every key may be left out, a wrong one is refused by the configuration."""


@router.put(
    "/transcription",
    responses={422: {"model": InvalidRequest}},
    openapi_extra={"requestBody": SOME_KEYS},
)
async def change_configuration(
    context: InContext,
    changes: Annotated[
        dict[str, Any],
        Body(
            description="The keys to change; the others stay as they are.",
            examples=[{"transcription_backend": "whisper", "transcription_language": "en"}],
        ),
    ],
) -> TranscriptionConfig:
    """Changes some keys for the sessions to come and saves them; running ones keep theirs."""
    return await context.configuration.update(changes)
