"""SQLite, in threads: one that writes, and some that read.

Whatever is done in a transaction is done in one go there: each way between the event loop and a
thread takes a turn of the loop, and a busy loop's turns are long. SQLite has one writer at a time;
the others stand in line here, where waiting costs nothing. Transactions are begun and ended at the
driver: they are many, and short. May import ``store.together``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from callscribe.store.together import STATEMENTS, driver_of

T = TypeVar("T")

READERS: Final = 4
"""Threads that read: some may be at long searches while another looks something up."""

STEPS: Final = 100_000
"""SQLite's steps, a millisecond or two, after which a search looks whether anybody waits for it."""

_WRITES: Final = ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864")
_READS: Final = ("query_only=ON",)


class Sqlite:
    """A file.

    ``busy`` is how many seconds another program's lock is waited for, ``answer`` how many an answer
    to who reads is: then that is a ``TimeoutError``.
    """

    def __init__(self, url: URL, busy: float, answer: float) -> None:
        self._answer = answer
        # Who writes asks for the lock at once: to get it in the middle may fail without waiting.
        self._writer = _Threads(url, busy, 1, "BEGIN IMMEDIATE", _WRITES)
        self._reader = _Threads(url, busy, READERS, "BEGIN", _READS)
        self._closing = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` does in one transaction.

        What has begun is ended also when nobody waits for it any more; what stands in line then is
        not begun.
        """
        return await self._writer.do(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds in one state of things; a search ends where nobody waits any more."""
        waits = True

        def is_over() -> bool:
            return self._closing or not waits

        try:
            async with asyncio.timeout(self._answer):
                return await self._reader.do(lambda connection: _find(connection, work, is_over))
        finally:
            waits = False

    async def close(self) -> None:
        """Lets the connections go when all is written; who reads is interrupted. Idempotent."""
        self._closing = True
        await asyncio.gather(*(asyncio.to_thread(t.end) for t in (self._reader, self._writer)))


def _find(
    connection: Connection, work: Callable[[Connection], T], is_over: Callable[[], bool]
) -> T:
    """What ``work`` finds; the driver's error where it is over before that."""
    driver = driver_of(connection)
    driver.set_progress_handler(is_over, STEPS)
    try:
        if is_over():
            raise _interrupted()
        return work(connection)
    finally:
        driver.set_progress_handler(None, STEPS)


def _interrupted() -> sqlite3.OperationalError:
    """What the driver raises where a statement is interrupted."""
    error = sqlite3.OperationalError("interrupted")
    error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
    return error


class _Threads:
    """``count`` threads, each of which takes a connection that is idle, or opens one."""

    def __init__(
        self, url: URL, busy: float, count: int, begin: str, pragmas: Sequence[str]
    ) -> None:
        self._engine = create_engine(
            url,
            poolclass=NullPool,  # they are kept here
            hide_parameters=True,
            connect_args={
                "timeout": busy,
                "isolation_level": None,  # they begin no transactions by themselves
                "check_same_thread": False,
                "cached_statements": STATEMENTS,
            },
        )
        _prepare(self._engine, pragmas)
        self._begin = begin
        self._idle: deque[Connection] = deque()
        """Those used last stand last, and are taken first: they know the most."""
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store")

    async def do(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` gives or raises; errors of SQLAlchemy's and the driver's own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        connection = self._take() or self._engine.connect()
        try:
            driver = driver_of(connection)
            driver.execute(self._begin)
            found = work(connection)
            if connection.in_transaction():  # as it calls it: SQLAlchemy was asked something
                connection.commit()
            else:
                driver.commit()
        except BaseException:
            _let_go(connection)
            raise
        self._idle.append(connection)
        return found

    def _take(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def end(self) -> None:
        """Waits until all is done, and lets the connections go. Idempotent."""
        self._threads.shutdown()
        while (connection := self._take()) is not None:
            _let_go(connection)
        self._engine.dispose()


def _let_go(connection: Connection) -> None:
    # To close is not enough: with a cursor that somebody still has, the transaction would live on.
    with suppress(Exception):
        driver_of(connection).rollback()
    with suppress(Exception):
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def _prepare(engine: Engine, pragmas: Sequence[str]) -> None:
    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
