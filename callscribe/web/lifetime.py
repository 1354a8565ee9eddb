"""What begins when the server does, and ends with it in an order that loses nothing.

May import ``store``, ``bus`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callscribe.bus.base import Bus
from callscribe.store import FileJournal, create_store
from callscribe.web.context import Context


@asynccontextmanager
async def lifetime(context: Context, bus: Bus) -> AsyncIterator[None]:
    """Opens the store, goes on with calls whose server died, and loads the models meanwhile.

    ``ConfigurationError`` and ``StoreError`` where the store cannot be opened.
    """
    settings, ledger = context.settings, context.ledger
    await asyncio.to_thread(context.configuration.load)
    store = await create_store(settings.store_url)
    try:
        await ledger.open(store, FileJournal(settings.data_dir / "journal.jsonl"))
        context.desk.open(store, ledger)
        await context.calls.take_up()
        async with asyncio.TaskGroup() as tasks:
            backends = context.backends
            loading = [tasks.create_task(backends.load(name)) for name in backends.engines]
            try:
                yield
            finally:
                await context.service.close()
                for task in loading:
                    task.cancel()
        await context.backends.close()
        await context.desk.close()
        await ledger.close()
    finally:
        await store.close()
        await bus.close()
