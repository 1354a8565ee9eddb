"""What every built-in agent keeps to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from callscribe.agents import RESERVED, create_agents
from callscribe.agents.base import Agent, Finding, Finisher
from callscribe.settings import Settings
from tests.agents.keeping import keeping
from tests.agents.receivers import Answer, Request, receiving
from tests.agents.working import call, final, working

pytestmark = pytest.mark.anyio

SAID = [
    "Bonjour, ma chaudière fuit depuis le douze mars.",
    "Rappelez-moi au zéro six douze trente-quatre cinquante-six soixante-dix-huit.",
    "Je paie quarante-neuf euros quatre-vingt-dix par mois, je veux résilier.",
]
ODD = [
    final(""),
    final("   "),
    final("…"),
    final("\x00\u202e"),
    final("mot", words=()),
    final("mot", language=None),
    final("mot", language="tlh"),
    final("mot", session_id="../é/ 1"),
    final("mot", speech_final=False),
    final("mot", revision=3),
    final("mot", leak_of="agent-1"),
    final("mot " * 2000),
]


async def both(request: Request) -> Answer:
    """A webhook's receiver and a model in one: it cites the first utterance that it is shown."""
    if not request.path.endswith("/chat/completions"):
        return 200, b""
    shown = request.json["messages"][-1]["content"]
    first = shown.partition("[")[2].partition("]")[0]
    sentences = [{"text": f"{len(shown)} signes", "utterance_ids": [first]}]
    content = json.dumps({"sentences": sentences})
    return 200, json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.fixture(params=sorted(RESERVED))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def agent(name: str) -> AsyncIterator[Agent]:
    async with receiving(both) as receiver:
        settings = Settings.model_validate(
            {
                "watchlist": "chaudière;résilier",
                "webhook_url": f"{receiver.url}/hook",
                "webhook_secret": "s",
                "summary_url": f"{receiver.url}/v1",
                "summary_model": "small",
            }
        )
        agents = {agent.name: agent for agent in create_agents(settings)}
        yield agents[name]
        for made in agents.values():
            if hasattr(made, "close"):
                await made.close()


async def test_it_satisfies_the_protocol(agent: Agent) -> None:
    assert isinstance(agent, Agent)
    assert agent.name == agent.name.lower().strip()


async def test_it_finds_something_and_the_same_again_has_the_same_key(agent: Agent) -> None:
    keys = []
    for _ in range(2):
        found: list[Finding] = []
        for seq, text in enumerate(SAID, 1):
            found += await agent.handle(final(text, seq), call())
        keys.append([finding.key for finding in found])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == len(keys[0])
    assert keys[0] or isinstance(agent, Finisher)


async def test_its_results_are_told_once_whatever_crashes(agent: Agent) -> None:
    async with keeping() as store, working(agent, store=store) as work:
        await work.say(*SAID)
        await work.end()
        await work.settled()
        told = work.results(agent.name)
        assert told
        assert len(set(told)) == len(told)
        assert store.buried == {}
        store.forget_cursors()  # as if the process had died before any cursor moved
        work.runner.notice("call")
        await work.settled()
        assert work.results(agent.name) == told
        results = await store.results("call")
    assert {i for r in results for i in r.utterance_ids} <= {f"technician-{n}" for n in (2, 3, 4)}


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
async def test_odd_finals_are_no_failure(agent: Agent, odd: object) -> None:
    assert isinstance(odd, type(final("")))
    for finding in await agent.handle(odd, call("tlh", odd.session_id)):
        json.dumps(dict(finding.body), allow_nan=False)


async def test_a_call_in_which_nothing_was_said_ends_well(agent: Agent) -> None:
    if isinstance(agent, Finisher):
        await agent.finish(call())
