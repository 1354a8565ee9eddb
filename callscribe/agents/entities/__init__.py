"""Numbers, addresses, amounts, dates and references, as they are said, normalised."""

from __future__ import annotations

from callscribe.agents.entities.agent import EntitiesAgent

__all__ = ["EntitiesAgent"]
