"""Agents of third parties, found by their entry points. May import ``agents.base`` and core."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from callscribe.agents.base import Agent
from callscribe.settings import Settings

GROUP = "callscribe.agents"
"""An entry point is a callable that takes ``Settings`` and gives an ``Agent``, or None."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry point that gave no agent, and why."""

    name: str
    source: str
    """The package it comes from."""
    error: str


def load_plugins(
    settings: Settings, taken: Collection[str] = ()
) -> tuple[list[Agent], list[Broken]]:
    """The agents of all entry points, and those that are broken; ``taken``: names in use."""
    agents: list[Agent] = []
    broken: list[Broken] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            agent = _load(entry, settings, {*taken, *(agent.name for agent in agents)})
        except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises
            source = entry.dist.name if entry.dist else ""
            broken.append(Broken(entry.name, source, f"{type(error).__name__}: {error}"))
        else:
            if agent is not None:
                agents.append(agent)
    return agents, broken


def _load(entry: EntryPoint, settings: Settings, taken: Collection[str]) -> Agent | None:
    agent = entry.load()(settings)
    if agent is None:
        return None
    if not isinstance(agent, Agent) or not isinstance(agent.name, str) or not agent.name:
        raise TypeError("it gives no agent: an object with a name and an async handle(final, call)")
    if agent.name in taken:
        raise ValueError(f"there is an agent called {agent.name!r} already")
    return agent
