"""The pages: files without a build step, the same for everybody. Imports nothing of ours."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse

STATIC = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> RedirectResponse:
    """The way to the page."""
    return RedirectResponse("/config")


@router.get("/config")
async def configuration_page() -> FileResponse:
    """Choose backend and language, record, read."""
    return FileResponse(STATIC / "config.html")


@router.get("/calls")
async def calls_page() -> FileResponse:
    """All calls, and a search in what was said."""
    return FileResponse(STATIC / "calls.html")


@router.get("/calls/{session_id}")
async def call_page(session_id: str) -> FileResponse:  # noqa: ARG001 - the page reads its address
    """One call as it happens, and afterwards."""
    return FileResponse(STATIC / "call.html")
