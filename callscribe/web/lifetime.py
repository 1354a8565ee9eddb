"""What begins when the server does, and ends with it in an order that loses nothing.

May import ``allocator``, ``store``, ``bus`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import structlog

from callscribe.allocator import keep_small
from callscribe.bus.base import Bus
from callscribe.collector import collect_rarely, leave_out
from callscribe.shelf import Shelf
from callscribe.store import FileJournal, create_store
from callscribe.web.context import Context
from callscribe.web.twilio.returning import take_up

LATER: Final = ("onnxruntime", "callscribe.web.listen.demuxer", "httpcore", "pysubs2")
"""Large modules that calls need, and that the server does without until it has answered."""

QUIET: Final = 0.5
"""Seconds that the first page has for itself before they are loaded."""

_log = structlog.get_logger(__name__)


@runtime_checkable
class _Warms(Protocol):
    """An engine that loads more with its first leg, if that was not done before."""

    async def warm(self) -> None: ...


@asynccontextmanager
async def lifetime(context: Context, bus: Bus, shelf: Shelf) -> AsyncIterator[None]:
    """Opens the store, goes on with calls whose server died, and loads the models meanwhile.

    ``ConfigurationError`` and ``StoreError`` where the store cannot be opened.
    """
    settings, ledger = context.settings, context.ledger
    await asyncio.to_thread(context.configuration.load)
    store = await create_store(settings.store_url)
    try:
        await ledger.open(store, FileJournal(settings.data_dir / "journal.jsonl"))
        with _identity(settings.data_dir) as server:
            context.service.identify(server)
            await context.calls.take_up(server)
            context.desk.open()  # agents know by now which calls are this server's
            async with _running(context):
                yield
    finally:
        async with AsyncExitStack() as closing:  # each, whatever becomes of the others
            for end in (shelf.close, bus.close, store.close):
                closing.push_async_callback(end)


@asynccontextmanager
async def _running(context: Context) -> AsyncIterator[None]:
    """Loads models and asks for lost streams while it serves already; ends calls, then the rest."""
    try:
        async with asyncio.TaskGroup() as tasks:
            backends = context.backends
            loading = [tasks.create_task(backends.load(name)) for name in backends.engines]
            returning = tasks.create_task(take_up(context.twilio))
            loading.append(tasks.create_task(_load_the_rest(backends.engines.values())))
            tidying = [tasks.create_task(keep_small()), tasks.create_task(collect_rarely())]
            try:
                yield
            finally:
                context.twilio.rest.close()
                await context.service.close()
                for task in (*loading, returning, *tidying):
                    task.cancel()
    finally:
        await context.backends.close()
        await context.desk.close()
        await context.ledger.close()


async def _load_the_rest(engines: Iterable[object]) -> None:
    """Loads what the first page does not need, in a thread: the first call shall not wait for it.

    What cannot be loaded says so where it is used.
    """
    await asyncio.sleep(QUIET)
    for name in LATER:
        try:
            await asyncio.to_thread(importlib.import_module, name)
        except Exception as error:  # noqa: BLE001 - nothing that runs already needs it
            _log.warning("not_loaded", module=name, problem=f"{type(error).__name__}: {error}")
    for engine in engines:
        if isinstance(engine, _Warms):
            try:
                await engine.warm()
            except Exception as error:  # noqa: BLE001 - it is said again where a leg is opened
                _log.warning("not_warm", engine=type(engine).__name__, problem=str(error))
    leave_out()


@contextmanager
def _identity(folder: Path) -> Iterator[str]:
    """The name of this server, the same after every start over the same data folder.

    A second server over a folder that is in use has a name for this once: it must not take up the
    calls of the first. The kernel lets the lock go when a process dies, however it dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = "calls of the other server are not taken up; give this one CALLSCRIBE_DATA_DIR"
            _log.warning("data_folder_in_use", folder=str(folder), problem=what)
            yield uuid.uuid4().hex
            return
        file.seek(0)
        name = file.read().strip()
        if not name:
            name = uuid.uuid4().hex
            file.write(name)
            file.flush()
        yield name
