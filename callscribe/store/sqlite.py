"""SQLite, in threads: one that writes, and some that read.

Whatever is done in a transaction is done in one go there: each way between the event loop and a
thread takes a turn of the loop, and a busy loop's turns are long. SQLite has one writer at a time;
the others stand in line here, where waiting costs nothing. Transactions are begun and ended at the
driver: they are many, and short. May import ``store.together``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import LifoQueue
from threading import Lock
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from callscribe.store.together import STATEMENTS, driver_of

T = TypeVar("T")

READERS: Final = 4
"""Threads that read: some may be at long searches while another looks something up."""


class Sqlite:
    """A file.

    ``busy`` is how many seconds another program's lock is waited for, ``answer`` how many an answer
    to who reads is: then that is a ``TimeoutError``.
    """

    def __init__(self, url: URL, busy: float, answer: float) -> None:
        self._answer = answer
        # Who writes asks for the lock at once: to get it in the middle may fail without waiting.
        self._writer = _Threads(url, busy, 1, "BEGIN IMMEDIATE", _WRITES)
        self._reader = _Threads(url, busy, READERS, "BEGIN", ["query_only=ON"])
        self._closing: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` does in one transaction.

        What has begun is ended also when nobody waits for it any more; what stands in line then is
        not begun.
        """
        return await self._writer.do(work, _Job())

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds in one state of things.

        A statement ends where nobody waits for it any more.
        """
        job = _Job()
        try:
            async with asyncio.timeout(self._answer):
                return await self._reader.do(work, job)
        except (asyncio.CancelledError, TimeoutError):
            job.interrupt()
            raise

    async def close(self) -> None:
        """Lets the connections go when all is written; who reads is interrupted. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="store-closing")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(self._writer.end))
            reading = tasks.create_task(asyncio.to_thread(self._reader.end))
            while not reading.done():  # between two statements there is none to interrupt
                self._reader.interrupt()
                await asyncio.wait([reading], timeout=0.05)


_WRITES: Final = ["journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"]


class _Job:
    """What is done in a transaction, and by which connection while it is."""

    def __init__(self) -> None:
        self._driver: sqlite3.Connection | None = None
        self._unwanted = False
        self._turn = Lock()
        """Held by who interrupts: another job's statement must not be meant."""

    def begin(self, driver: sqlite3.Connection) -> None:
        with self._turn:
            if self._unwanted:
                raise _interrupted()
            self._driver = driver

    def end(self) -> None:
        with self._turn:
            self._driver = None

    def interrupt(self) -> None:
        """Has its statement fail, or it begin none where it has not begun."""
        with self._turn:
            self._unwanted = True
            if self._driver is not None:
                self._driver.interrupt()


class _Threads:
    """``count`` threads, and as many connections."""

    def __init__(self, url: URL, busy: float, count: int, begin: str, pragmas: list[str]) -> None:
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
        self._count = count
        self._jobs: set[_Job] = set()
        self._ending = False
        self._idle: LifoQueue[Connection | None] = LifoQueue()  # the last one knows the most
        for _ in range(count):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store")

    async def do(self, work: Callable[[Connection], T], job: _Job) -> T:
        """What ``work`` gives or raises; errors of SQLAlchemy's and the driver's own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work, job)

    def _do(self, work: Callable[[Connection], T], job: _Job) -> T:
        connection: Connection | None = self._idle.get()
        self._jobs.add(job)
        try:
            if connection is None:
                connection = self._engine.connect()
            driver = driver_of(connection)
            if self._ending:
                job.interrupt()
            job.begin(driver)
            driver.execute(self._begin)
            found = work(connection)
            if connection.in_transaction():  # as it calls it: SQLAlchemy was asked something
                connection.commit()
            else:
                driver.commit()
        except BaseException:
            job.end()
            broken, connection = connection, None  # the next one gets a new one
            if broken is not None:
                _let_go(broken)
            raise
        finally:
            job.end()
            self._jobs.discard(job)
            self._idle.put(connection)
        return found

    def interrupt(self) -> None:
        """Has all that is being done fail, and all that stands in line."""
        self._ending = True
        for job in tuple(self._jobs):
            job.interrupt()

    def end(self) -> None:
        """Waits until all is done, and lets the connections go."""
        self._threads.shutdown()
        for _ in range(self._count):
            connection = self._idle.get()
            if connection is not None:
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


def _interrupted() -> sqlite3.OperationalError:
    """What the driver raises where a statement is interrupted."""
    error = sqlite3.OperationalError("interrupted")
    error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
    return error


def _prepare(engine: Engine, pragmas: list[str]) -> None:
    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
