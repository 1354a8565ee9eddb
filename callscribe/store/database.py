"""The connections to a database, SQLite or PostgreSQL.

Reading has connections of its own, so that it never waits for who writes. What is done in a
transaction is a function of a plain connection, the same for both. May import ``store.faults``,
``store.sqlite`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from callscribe.errors import ConfigurationError, StoreError
from callscribe.store.faults import explained
from callscribe.store.sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")

BUSY: Final = 1.5
"""Seconds that SQLite waits for another program's lock."""

ANSWER: Final = 30.0
"""Seconds that PostgreSQL may take to answer, and SQLite who reads."""

CONNECTING: Final = 5.0
"""Seconds that PostgreSQL may take to let us in."""

_KINDS: Final = "sqlite:///FILE, a path, or postgresql://USER@HOST/NAME"


def parse_address(address: str) -> URL:
    """The database that an address or a path names; ``ConfigurationError`` for anything else."""
    if not address.strip():
        raise ConfigurationError(f"the address of the store is empty; say {_KINDS}")
    if "://" not in address:
        return URL.create("sqlite+pysqlite", database=address)
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        # Not the driver's own words: they repeat the address, and there may be a password in it.
        raise ConfigurationError(f"the address of the store is malformed; say {_KINDS}") from error
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ConfigurationError("the store needs a file: sqlite:///FILE")
        return url.set(drivername="sqlite+pysqlite")
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    raise ConfigurationError(f"the store cannot be kept in {kind[:32]}; say {_KINDS}")


def name_of(url: URL) -> str:
    """How a database is called in messages: without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


class Database:
    """Two sets of connections to one database; transactions, for writing or for reading."""

    def __init__(self, url: URL, *, busy: float = BUSY) -> None:
        self.name = name_of(url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._closed = False
        self._kind: Sqlite | Postgres = (
            Sqlite(url, busy, ANSWER) if self.is_sqlite else Postgres(url)
        )

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *given: P.args, **named: P.kwargs
    ) -> T:
        """What ``work`` does in a transaction that may change things; on disk when it returns."""
        return await self._do(self._kind.write, work, *given, **named)

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *given: P.args, **named: P.kwargs
    ) -> T:
        """What ``work`` does in a transaction that sees one state of things all along."""
        return await self._do(self._kind.read, work, *given, **named)

    async def _do(
        self,
        how: Callable[[Callable[[Connection], T]], Awaitable[T]],
        work: Callable[Concatenate[Connection, P], T],
        *given: P.args,
        **named: P.kwargs,
    ) -> T:
        if self._closed:
            raise StoreError("The store is closed.", retryable=False)
        with explained(self.name):
            found = await how(lambda connection: work(connection, *given, **named))
        return found  # noqa: RET504 - for the type checker, which thinks that errors may end there

    async def close(self) -> None:
        """Lets go of all connections, when all is written. Idempotent."""
        self._closed = True
        with explained(self.name):
            await self._kind.close()


class Postgres:
    """Connections to PostgreSQL, on the event loop."""

    def __init__(self, url: URL) -> None:
        self.writer = _engine(url, isolation="READ COMMITTED")
        self.reader = _engine(url, isolation="REPEATABLE READ")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` does in one transaction."""
        async with self.writer.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds in one state of things."""
        async with self.reader.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Lets the connections go that nobody uses. Idempotent."""
        await self.reader.dispose()
        await self.writer.dispose()


def _engine(url: URL, *, isolation: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=4,
        max_overflow=0,
        pool_timeout=ANSWER,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level=isolation,
        connect_args={
            "timeout": CONNECTING,
            "command_timeout": ANSWER,
            # What has returned is on disk, whatever the server's own setting.
            "server_settings": {"application_name": "callscribe", "synchronous_commit": "on"},
        },
    )


def make_folder(url: URL) -> None:
    """Makes the folder of an SQLite file; ``StoreError`` where that cannot be."""
    if url.get_backend_name() == "sqlite" and not str(url.database).startswith("file:"):
        folder = Path(str(url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder {folder} of the store cannot be made ({error.strerror}); mend that, "
                "or name another place with CALLSCRIBE_DATA_DIR or CALLSCRIBE_DATABASE_URL."
            ) from error
