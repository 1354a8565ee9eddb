"""``/api/agents``: what the agents are at, and the dead letters they left.

May import ``errors`` and the rest of ``web``.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from callscribe.errors import SessionNotFound
from callscribe.web.context import InContext
from callscribe.web.models import AgentList, LetterList, Problem, Replayed

NO_SUCH: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}

router = APIRouter(prefix="/api/agents", tags=["agents"])


@router.get("")
async def list_agents(context: InContext) -> AgentList:
    """The agents, what they are at, and what became of their finals since the start."""
    found = [{"name": name, **counts} for name, counts in context.desk.runner.status().items()]
    return AgentList.model_validate({"agents": found})


@router.get("/letters")
async def list_letters(
    context: InContext,
    agent: Annotated[str, Query(description="Only those of this agent.")] = "",
) -> LetterList:
    """What agents could not handle, the oldest first."""
    found = await context.ledger.store.letters(agent)
    return LetterList.model_validate({"letters": found}, from_attributes=True)


@router.post("/letters/{letter_id}/replay", responses=NO_SUCH)
async def replay_letter(context: InContext, letter_id: str) -> Replayed:
    """Has a dead letter handled once more; one that fails again stays."""
    try:
        return Replayed(handled=await context.desk.runner.replay(letter_id))
    except KeyError:
        raise _unknown(letter_id) from None


@router.delete("/letters/{letter_id}", status_code=204, responses=NO_SUCH)
async def drop_letter(context: InContext, letter_id: str) -> None:
    """Forgets a dead letter."""
    if not await context.ledger.store.drop_letter(letter_id):
        raise _unknown(letter_id)


def _unknown(letter_id: str) -> SessionNotFound:
    return SessionNotFound(f"there is no dead letter {letter_id[:64]}", code="no_such_letter")
