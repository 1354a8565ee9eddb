"""One call of an agent: its deadline, what comes of it, and the pause before the next attempt.

May import ``agents.base`` and core.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from callscribe.agents.base import Agent, Call, Finding, Finisher
from callscribe.errors import CallscribeError
from callscribe.events import Event, FinalResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often an event is tried, and the pauses in between (s): full jitter under a ceiling."""

    attempts: int = 8
    first: float = 1.0
    longest: float = 60.0

    def pause(self, failed: int) -> float:
        """The pause after so many attempts that failed."""
        ceiling: float = min(self.longest, self.first * 2 ** min(failed - 1, 20))
        return random.uniform(0, ceiling)  # noqa: S311 - not a secret


async def attempt(agent: Agent, event: Event, call: Call, deadline: float) -> list[dict[str, Any]]:
    """What an agent finds in a final or at the end of a call, as fields of ``AgentResult``.

    Raises what the agent raises, ``TimeoutError`` after
    ``deadline`` seconds, ``TypeError`` or ``ValueError`` for what is no finding.
    """
    own: tuple[str, ...] = ()
    work: Awaitable[Sequence[Finding]]
    if isinstance(event, FinalResult):
        own = (event.utterance_id,)
        work = agent.handle(event, call)
    elif isinstance(agent, Finisher):
        work = agent.finish(call)
    else:
        return []
    try:
        async with asyncio.timeout(deadline):
            findings = await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("the agent cancelled itself") from None
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"no answer within {deadline:g} s") from None
    return [_fields(finding, own) for finding in findings]


def _fields(finding: Finding, own: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(finding, Finding):
        raise TypeError(f"an agent gives Finding objects, not {type(finding).__name__}")
    body = json.loads(json.dumps(dict(finding.body), allow_nan=False))
    ids = tuple(finding.utterance_ids) or own
    return {"kind": finding.kind, "key": finding.key, "utterance_ids": ids, "body": body}


def name_of(error: BaseException) -> str:
    """What to call an error in a log: its message may quote what was said."""
    return error.code if isinstance(error, CallscribeError) else type(error).__name__
