"""The agents wing: ``base`` is the contract, ``create_agents`` the door."""

from __future__ import annotations

import structlog

from callscribe.agents.base import Agent, Call, Finding, Finisher
from callscribe.agents.entities import EntitiesAgent
from callscribe.agents.plugins import load_plugins
from callscribe.agents.summary import SummaryAgent
from callscribe.agents.watchlist import WatchlistAgent, parse_watchlist
from callscribe.agents.webhook import WebhookAgent
from callscribe.settings import Settings

__all__ = ["RESERVED", "Agent", "Call", "Finding", "Finisher", "create_agents"]

RESERVED = {EntitiesAgent.name, WatchlistAgent.name, WebhookAgent.name, SummaryAgent.name}
"""Names that agents of other packages cannot take."""

_log = structlog.get_logger(__name__)


def create_agents(settings: Settings) -> list[Agent]:
    """The agents that the settings ask for, then those of installed packages.

    ``ConfigurationError`` where a setting is wrong; a package that is broken is logged and left
    out.
    """
    agents = _built_in(settings)
    plugins, broken = load_plugins(settings, {agent.name for agent in agents} | RESERVED)
    for entry in broken:
        _log.warning(
            "agent_left_out", agent=entry.name, package=entry.source, error=entry.error[:300]
        )
    return [*agents, *plugins]


def _built_in(settings: Settings) -> list[Agent]:
    agents: list[Agent] = [EntitiesAgent()]
    phrases = parse_watchlist(settings.watchlist) if settings.watchlist.strip() else ()
    if phrases:
        agents.append(WatchlistAgent(phrases))
    if settings.webhook_url:
        secret = settings.webhook_secret
        agents.append(
            WebhookAgent(settings.webhook_url, secret.get_secret_value() if secret else "")
        )
    if settings.summary_url:
        key = settings.summary_key
        agents.append(
            SummaryAgent(
                settings.summary_url,
                settings.summary_model,
                key.get_secret_value() if key else "",
            )
        )
    return agents
