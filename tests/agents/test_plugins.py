"""Agents of installed packages: real distributions in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callscribe.agents import create_agents
from callscribe.agents.plugins import load_plugins
from callscribe.settings import Settings
from tests.agents.packages import packages

GOOD = """
class Agent:
    def __init__(self, settings): self.name = "theirs"
    async def handle(self, final, call): return []
create = Agent
"""

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Installs a package with an agent: its name and its code."""
    with packages(tmp_path) as here:
        yield here.install


def test_an_agent_of_a_package_is_found(install: Install, settings: Settings) -> None:
    install("theirs_one", GOOD)
    assert [agent.name for agent in create_agents(settings)][-1] == "theirs"


def test_one_that_gives_none_is_not_broken(install: Install, settings: Settings) -> None:
    install("theirs_none", "create = lambda settings: None")
    assert load_plugins(settings) == ([], [])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import nothing_of_the_kind", "ModuleNotFoundError"),
        ("", "AttributeError"),
        ("def create(settings): raise ValueError('no key')", "ValueError: no key"),
        ("create = lambda settings: 3", "TypeError: it gives no agent"),
        (GOOD.replace("theirs", "entities"), "ValueError: there is an agent called 'entities'"),
        (GOOD.replace("theirs", "webhook"), "ValueError: there is an agent called 'webhook'"),
    ],
)
def test_a_broken_one_is_said_and_left_out(
    install: Install, settings: Settings, code: str, error: str
) -> None:
    install("theirs_bad", code)
    install("theirs_well", GOOD)
    with capture_logs() as logs:
        agents = create_agents(settings)
    assert [agent.name for agent in agents] == ["entities", "theirs"]
    (log,) = logs
    assert (log["event"], log["agent"]) == ("agent_left_out", "theirs_bad")
    assert log["package"] == "theirs_bad"
    assert log["error"].startswith(error)


def test_two_of_the_same_name_are_one_too_many(install: Install, settings: Settings) -> None:
    install("theirs_a", GOOD)
    install("theirs_b", GOOD)
    agents, broken = load_plugins(settings)
    assert [agent.name for agent in agents] == ["theirs"]
    assert [entry.name for entry in broken] == ["theirs_b"]
