"""The checks of ``callscribe doctor`` that look at the store, the telephone and the agents.

May import what it looks at.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from callscribe.agents import RESERVED, create_agents
from callscribe.agents.plugins import load_plugins
from callscribe.cli.findings import Finding, Guide, State
from callscribe.errors import CallscribeError, ConfigurationError
from callscribe.settings import Settings
from callscribe.store import create_store


def check_house(settings: Settings) -> list[Finding]:
    """All of them."""
    return [check_store(settings), check_telephone(settings), check_agents(settings)]


async def try_store(url: str) -> int:
    """Opens the store, making what is missing; how many calls it would show at once.

    ``ConfigurationError`` and ``StoreError`` where that cannot be.
    """
    store = await create_store(url)
    try:
        return len(await store.calls(limit=1))
    finally:
        await store.close()


def check_store(settings: Settings) -> Finding:
    """Calls can be kept."""
    kind = "PostgreSQL" if settings.store_url.startswith("postgres") else "SQLite"
    try:
        asyncio.run(try_store(settings.store_url))
    except CallscribeError as error:
        advice = "start the database, or set CALLSCRIBE_DATABASE_URL to one that can be reached"
        if kind == "SQLite":
            advice = "set CALLSCRIBE_DATA_DIR to a folder that can be written"
        return Finding("Store", State.BAD, error.message, advice, Guide.STORE)
    return Finding("Store", State.GOOD, f"calls are kept in {kind}")


def check_telephone(settings: Settings) -> Finding:
    """Twilio could ring here."""
    if settings.twilio_auth_token is None:
        return Finding(
            "Telephone", State.NOTE, "no Twilio number",
            "set CALLSCRIBE_TWILIO_AUTH_TOKEN and CALLSCRIBE_PUBLIC_URL", Guide.TELEPHONE,
        )  # fmt: skip
    if not settings.public_url:
        return Finding(
            "Telephone", State.NOTE, "only callscribe call can ring",
            "for a Twilio number set CALLSCRIBE_PUBLIC_URL", Guide.TELEPHONE,
        )  # fmt: skip
    if urlsplit(settings.public_url).scheme != "https":
        return Finding(
            "Telephone", State.BAD, "Twilio finds no way here",
            "set CALLSCRIBE_PUBLIC_URL to the https address under which the server is known",
            Guide.TELEPHONE,
        )  # fmt: skip
    missing = [] if settings.twilio_account_sid else ["CALLSCRIBE_TWILIO_ACCOUNT_SID"]
    if missing:
        return Finding(
            "Telephone", State.NOTE, "a stream that breaks off is not started anew",
            f"set {missing[0]}", Guide.TELEPHONE,
        )  # fmt: skip
    return Finding("Telephone", State.GOOD, f"Twilio rings at {settings.public_url}")


def check_agents(settings: Settings) -> Finding:
    """Who reads the finals, and who would but is broken."""
    try:
        names = [agent.name for agent in create_agents(settings)]
    except ConfigurationError as error:
        return Finding("Agents", State.BAD, error.message, "correct the setting", Guide.SETTINGS)
    _, broken = load_plugins(settings, RESERVED)
    if broken:
        said = "; ".join(f"{entry.name} of {entry.source}: {entry.error}" for entry in broken)
        return Finding("Agents", State.BAD, said, "mend or remove that package", Guide.AGENTS)
    return Finding("Agents", State.GOOD, ", ".join(names))
