"""Brings a database to the tables of this version, or back. May import ``database``, ``errors``.

Alembic works synchronously and reads files, so it never runs on the caller's event loop; it has
connections of its own. Two programs that start at once wait for each other.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, inspect, text

from callscribe.errors import ConfigurationError
from callscribe.store.database import Database

WAIT: Final = 10.0
"""Seconds that another program's migration is waited for."""

_PLACE: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x63616C6C  # any number that nobody else locks
_ONE_AT_A_TIME: Final = threading.Lock()  # Alembic keeps its context in the module


async def migrate(url: URL, revision: str = "head") -> None:
    """Moves a database to a revision, on or back: ``head``, a name, or ``base`` for nothing at all.

    ``ConfigurationError`` when a later version of Callscribe made it.
    """
    await asyncio.to_thread(_migrate_here, url, revision)


def _migrate_here(url: URL, revision: str) -> None:
    with _ONE_AT_A_TIME:
        asyncio.run(_migrate(url, revision))


async def _migrate(url: URL, revision: str) -> None:
    database = Database(url, busy=WAIT)
    try:
        await database.write(_bring, revision, database.name)
    finally:
        await database.close()


def _bring(connection: Connection, revision: str, name: str) -> None:
    if connection.dialect.name != "sqlite":  # there who writes is alone
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if revision != "head" or _version(connection) != newest():
        _run(connection, revision, name)


def newest() -> str:
    """The revision of this version of Callscribe: what the last migration's file begins with."""
    return max(path.name for path in (_PLACE / "versions").glob("[0-9]*.py")).partition("_")[0]


def _version(connection: Connection) -> str | None:
    """The revision that a database is at; None: at none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _run(connection: Connection, revision: str, name: str) -> None:
    # Imported here: most databases are current, and a server starts without it a tenth sooner.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    passed = {"base"}
    for present in MigrationContext.configure(connection).get_current_heads():
        try:
            passed |= {script.revision for script in scripts.walk_revisions("base", present)}
        except CommandError as error:
            raise ConfigurationError(
                f"the store {name} was made by a later version of Callscribe (its tables are at "
                f"{present}); install that version, or name another store"
            ) from error
    move = command.downgrade if revision in passed else command.upgrade
    move(config, revision)
