"""The connections to a database, SQLite or PostgreSQL.

Reading has connections of its own, so that it never waits for who writes. SQLite has one writer
at a time; the others stand in line here, where waiting costs nothing. May import ``store.faults``,
``store.together`` and ``errors``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from callscribe.errors import ConfigurationError, StoreError
from callscribe.store.faults import explained
from callscribe.store.together import driver_of

P = ParamSpec("P")
T = TypeVar("T")

BUSY: Final = 1.5
"""Seconds that SQLite waits for another program's lock."""

ANSWER: Final = 30.0
"""Seconds that PostgreSQL may take to answer."""

CONNECTING: Final = 5.0
"""Seconds that PostgreSQL may take to let us in."""

BEGIN: Final = "BEGIN IMMEDIATE"
"""How who writes begins: to get the lock in the middle may fail without waiting."""

_KINDS: Final = "sqlite:///FILE, a path, or postgresql://USER@HOST/NAME"


def parse_address(address: str) -> URL:
    """The database that an address or a path names; ``ConfigurationError`` for anything else."""
    if not address.strip():
        raise ConfigurationError(f"the address of the store is empty; say {_KINDS}")
    if "://" not in address:
        return URL.create("sqlite+aiosqlite", database=address)
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        # Not the driver's own words: they repeat the address, and there may be a password in it.
        raise ConfigurationError(f"the address of the store is malformed; say {_KINDS}") from error
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ConfigurationError("the store needs a file: sqlite:///FILE")
        return url.set(drivername="sqlite+aiosqlite")
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
        self._turn = asyncio.Lock()
        self._beside: SqliteWriter | None = None
        if self.is_sqlite:
            self._beside = SqliteWriter(url, busy)
            self._writer = _sqlite(url, busy, writes=True)
            self._reader = _sqlite(url, busy, writes=False)
        else:
            self._writer = _postgres(url, isolation="READ COMMITTED")
            self._reader = _postgres(url, isolation="REPEATABLE READ")

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may change things; what it did is on disk when it ends."""
        async with AsyncExitStack() as stack:
            if self.is_sqlite:
                await stack.enter_async_context(self._turn)
            self._check_open()
            stack.enter_context(explained(self.name))
            yield await stack.enter_async_context(self._writer.begin())

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *given: P.args, **named: P.kwargs
    ) -> T:
        """What ``work`` does in a transaction that may change things; on disk when it returns.

        For SQLite all of it is done in a thread: the way there and back is dearer than a statement.
        """
        if self._beside is None:
            async with self.writing() as connection:
                return await connection.run_sync(work, *given, **named)
        async with self._turn:
            self._check_open()
            with explained(self.name):
                found = await self._beside.do(lambda c: work(c, *given, **named))
        return found

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of things all along."""
        self._check_open()
        with explained(self.name):
            async with self._reader.begin() as connection:
                yield connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.", retryable=False)

    async def close(self) -> None:
        """Lets go of all connections, when who writes has finished. Idempotent."""
        self._closed = True
        async with self._turn:
            with explained(self.name):
                await self._reader.dispose()
                await self._writer.dispose()
                if self._beside is not None:
                    await self._beside.close()


class SqliteWriter:
    """Where SQLite is written: a connection of its own in a thread of its own.

    Transactions are begun and ended at the driver: they are many, and short.
    """

    def __init__(self, url: URL, busy: float) -> None:
        self.engine = create_engine(
            url.set(drivername="sqlite+pysqlite"),
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args=_begun_below(busy),
        )
        _prepare(self.engine, writes=True, begins=False)
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._closed = False

    async def do(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` does in one transaction; also when nobody waits for it any more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            connection = self._connection = self.engine.connect()
        driver = driver_of(connection)
        try:
            driver.execute(BEGIN)
            found = work(connection)
            if connection.in_transaction():  # as it calls it: SQLAlchemy was asked something
                connection.commit()
            else:
                driver.commit()
        except BaseException:
            self._let_go()  # which takes back what was done; the next one gets a new one
            raise
        return found

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    async def close(self) -> None:
        """Lets the connection go when all is done. Idempotent."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
            self._thread.shutdown()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


def _sqlite(url: URL, busy: float, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=1 if writes else 4,
        max_overflow=0,
        hide_parameters=True,
        connect_args=_begun_below(busy),
    )
    _prepare(engine.sync_engine, writes=writes)
    return engine


def _begun_below(busy: float) -> dict[str, Any]:
    """Connections that begin no transactions by themselves; any thread may close them."""
    return {"timeout": busy, "isolation_level": None, "check_same_thread": False}


def _prepare(engine: Engine, *, writes: bool, begins: bool = True) -> None:
    """``begins``: with each transaction of SQLAlchemy's one begins below."""
    begin = BEGIN if writes else "BEGIN"
    pragmas = ["query_only=ON"]
    if writes:
        pragmas = ["journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"]

    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    if begins:
        event.listen(engine, "begin", start)


def _postgres(url: URL, *, isolation: str) -> AsyncEngine:
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
