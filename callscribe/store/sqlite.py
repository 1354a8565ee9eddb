"""SQLite, in threads: one that writes, and some that read.

Whatever is done in a transaction is done in one go there: each way between the event loop and a
thread takes a turn of the loop, and a busy loop's turns are long. SQLite has one writer at a time;
the others stand in line here, where waiting costs nothing. Transactions are begun and ended at the
driver: they are many, and short. May import ``store.together``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from callscribe.store.together import driver_of

T = TypeVar("T")

READERS: Final = 4
"""Threads that read: some may be at long searches while another looks something up."""

WRITES: Final = "BEGIN IMMEDIATE"
"""How who writes begins: to get the lock in the middle may fail without waiting."""


class Sqlite:
    """A file; ``busy`` is how many seconds another program's lock is waited for."""

    def __init__(self, url: URL, busy: float) -> None:
        self._writer = _Threads(url, busy, 1, WRITES)
        self._reader = _Threads(url, busy, READERS, "BEGIN")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` does in one transaction; also when nobody waits for it any more."""
        return await self._writer.do(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds in one state of things."""
        return await self._reader.do(work)

    async def close(self) -> None:
        """Lets the connections go when all is done. Idempotent."""
        await self._reader.close()
        await self._writer.close()


class _Threads:
    """Threads, and as many connections."""

    def __init__(self, url: URL, busy: float, count: int, begin: str) -> None:
        self._engine = create_engine(
            url,
            poolclass=NullPool,  # they are kept here
            hide_parameters=True,
            # They begin no transactions by themselves; any thread may close them.
            connect_args={"timeout": busy, "isolation_level": None, "check_same_thread": False},
        )
        self._begin = begin
        _prepare(self._engine, writes=begin == WRITES)
        self._count = count
        self._idle: SimpleQueue[Connection | None] = SimpleQueue()
        for _ in range(count):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store")
        self._closed = False

    async def do(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = self._idle.get()
        try:
            if connection is None:
                connection = self._engine.connect()
            driver = driver_of(connection)
            driver.execute(self._begin)
            found = work(connection)
            if connection.in_transaction():  # as it calls it: SQLAlchemy was asked something
                connection.commit()
            else:
                driver.commit()
        except BaseException:
            if connection is not None:  # which takes back what was done; the next is a new one
                with suppress(Exception):
                    connection.invalidate()
                    connection.close()
            connection = None
            raise
        finally:
            self._idle.put(connection)
        return found

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._threads.shutdown)
            await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        for _ in range(self._count):
            connection = self._idle.get()
            if connection is not None:
                connection.close()
        self._engine.dispose()


def _prepare(engine: Engine, *, writes: bool) -> None:
    pragmas = ["query_only=ON"]
    if writes:
        pragmas = ["journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"]

    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
