"""``/api/status`` for pages and programs, ``/healthz`` for whoever watches the process.

May import ``languages``, ``service`` and the rest of ``web``.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from callscribe import __version__
from callscribe.languages import LANGUAGES
from callscribe.web.context import InContext
from callscribe.web.models import BackendStatus, BudgetInfo, LanguageInfo, Status

router = APIRouter(tags=["status"])


@router.get("/api/status")
async def status(context: InContext) -> Status:
    """What this server is, what it can do and how busy it is."""
    return Status(
        version=__version__,
        backends=[
            BackendStatus(
                name=name,
                available=available,
                reason=reason,
                loading=context.backends.is_loading(name),
            )
            for name, available, reason in context.backends.status()
        ],
        languages=[LanguageInfo(**language.to_dict()) for language in LANGUAGES.values()],
        legs=context.service.live_legs,
        max_legs=context.backends.max_legs,
        auth_required=bool(context.settings.api_keys),
        model=context.settings.whisper_model,
        budgets=[
            BudgetInfo(
                engine=engine, name=use.name, used=use.used, most=use.most, waiting=use.waiting
            )
            for engine, use in context.backends.budgets
        ],
    )


@router.get("/healthz", responses={503: {"description": "The server is about to end."}})
async def health(context: InContext, response: Response) -> dict[str, str]:
    """Answers as long as the server can answer at all; needs no key."""
    if not context.drain.begun:
        return {"status": "ok"}
    response.status_code = 503  # whoever shares calls out should send none here
    response.headers["Retry-After"] = "5"
    return {"status": "draining"}
