"""The store wing: what outlives the process. ``base`` is the contract, ``create_store`` a door."""

from __future__ import annotations

from callscribe.store.base import Store
from callscribe.store.database import Database, make_folder, parse_address
from callscribe.store.files import TranscriptFiles
from callscribe.store.journal import FileJournal
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore

__all__ = ["FileJournal", "Store", "TranscriptFiles", "create_store"]


async def create_store(url: str) -> Store:
    """The store at an address: ``sqlite:///FILE``, a path, or ``postgresql://USER@HOST/NAME``.

    Makes or brings up to date what is there. ``ConfigurationError`` for an address that cannot be,
    or a database of a later version; ``StoreError`` when it cannot be reached or written.
    """
    address = parse_address(url)
    make_folder(address)
    await migrate(address)
    return SqlStore(Database(address))
