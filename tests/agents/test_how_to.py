"""The how-tos of the agents do what they say: their programs run here."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from callscribe.agents import create_agents, summary, watchlist, webhook
from callscribe.agents.attempt import Retries
from callscribe.agents.prompt import MOST
from callscribe.agents.runner import DEADLINE
from callscribe.agents.webhook import WebhookAgent
from callscribe.events import AgentResult
from callscribe.settings import Settings
from tests.agents.packages import packages
from tests.agents.receivers import receiving
from tests.agents.working import call, final, working
from tests.documentation import FENCE, ROOT, table

pytestmark = pytest.mark.anyio

HOW_TO = ROOT / "docs" / "how-to"


def block(page: str, kind: str) -> str:
    (text,) = [t for k, t in FENCE.findall((HOW_TO / page).read_text("utf-8")) if k == kind]
    return str(text)


async def test_an_agent_in_fifteen_lines(tmp_path: Path, settings: Settings) -> None:
    code = block("write-an-agent.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    points = tomllib.loads(block("write-an-agent.md", "toml"))["project"]["entry-points"]
    ((name, where),) = points["callscribe.agents"].items()
    with packages(tmp_path) as here:
        here.install(where.partition(":")[0], code, f"{name} = {where}")
        agent = create_agents(settings)[-1]
        async with working(agent) as work:
            await work.say("bonjour", "je vous rappelle demain")
            await work.settled()
            (told,) = work.told
    assert isinstance(told, AgentResult)
    assert (told.agent, told.kind) == ("callbacks", "alert")
    assert told.body == {
        "phrase": "call back",
        "said": "je vous rappelle demain",
        "by": "technician",
    }


@pytest.fixture
def verify() -> Callable[..., bool]:
    scope: dict[str, Callable[..., bool]] = {}
    exec(block("webhooks.md", "python"), scope)  # noqa: S102 - the page is ours
    return scope["verify"]


async def test_the_signature_can_be_verified(verify: Callable[..., bool]) -> None:
    async with receiving() as receiver:
        agent = WebhookAgent(receiver.url, "secret")
        await agent.handle(final("la chaudière fuit"), call())
        await agent.close()
    (request,) = receiver.requests
    header = request.headers["x-callscribe-signature"]
    assert verify("secret", header, request.body)
    assert not verify("other", header, request.body)
    assert not verify("secret", header, request.body + b" ")
    later = f"t={int(time.time()) + 5}," + header.partition(",")[2]
    assert not verify("secret", later, request.body)
    for wrong in ["", "t=,v1=", "v1=1", "t=é,v1=é"]:
        assert not verify("secret", wrong, request.body)


async def test_an_old_message_is_refused(verify: Callable[..., bool]) -> None:
    old = webhook.sign("secret", int(time.time()) - 301, b"{}")
    assert not verify("secret", old, b"{}")
    assert verify("secret", webhook.sign("secret", int(time.time()) - 200, b"{}"), b"{}")


async def test_an_alert_has_the_fields_of_the_table() -> None:
    agent = watchlist.WatchlistAgent(["fuit"])
    (alert,) = await agent.handle(final("elle fuit"), call())
    text = (HOW_TO / "watchlist.md").read_text("utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in re.findall("`(.+?)`", cell)} == set(alert.body)


def test_the_numbers_in_the_pages_are_those_of_the_code() -> None:
    pages = {path.name: path.read_text("utf-8") for path in HOW_TO.glob("*.md")}
    assert f"has {DEADLINE:g} seconds" in pages["write-an-agent.md"]
    assert "up to eight times" in pages["write-an-agent.md"]
    assert "eight times in all" in pages["webhooks.md"]
    assert Retries().attempts == 8
    assert f"none within {webhook.DEADLINE:g} s" in pages["webhooks.md"]
    assert f"at most {MOST:,} characters" in pages["summaries.md"]
    assert f"has {summary.DEADLINE:g} seconds" in pages["summaries.md"].replace("\n", " ")
    assert "twentieth" in pages["summaries.md"]
    assert (summary.EVERY, summary.SECONDS) == (20, 60.0)


def test_every_answer_of_a_receiver_stands_in_the_table() -> None:
    rows = table(HOW_TO / "webhooks.md", "## Answer")
    for status in (408, 429, 302, 500):
        assert webhook._refusal(status).retryable
    assert not webhook._refusal(404).retryable
    assert any("408, 429, 3xx, 5xx" in row for row in rows)
