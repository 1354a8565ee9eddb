"""Pages on a shelf: they come back as they were, and memory does not grow with them."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callscribe import shelf as module
from callscribe.shelf import BLOCK, Page, Shelf

pytestmark = pytest.mark.anyio


def things(seed: int, count: int = 20) -> list[bytes]:
    """What cannot be made small, so that its size is known."""
    return [random.Random(seed * 1000 + n).randbytes(60) for n in range(count)]  # noqa: S311


async def written(shelf: Shelf) -> None:
    while shelf._writing is not None:
        await asyncio.sleep(0.001)


async def test_pages_come_back_from_memory_and_from_the_file(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "new", memory=3_000)
    pages = []
    for seed in range(40):
        pages.append(shelf.put(things(seed)))
        assert shelf.weight < 6_000
        await written(shelf)
    assert not pages[0].is_in_memory
    assert pages[-1].is_in_memory
    assert [page.read() for page in pages] == [things(seed) for seed in range(40)]
    assert list((tmp_path / "new").iterdir()) == [], "the file has no name"
    await shelf.close()
    assert pages[0].read() == things(0)


async def test_a_page_that_nobody_has_makes_room(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=0)
    kept = [shelf.put(things(0))]
    await written(shelf)
    for seed in range(1, 30):
        shelf.put(things(seed))  # nobody keeps it
        last = shelf.put(things(-seed))
        await written(shelf)
        assert last.read() == things(-seed)
    assert kept[0].read() == things(0)
    assert shelf._end <= 4 * 2048
    assert shelf.weight == 0


async def test_many_sizes_do_not_write_over_each_other(tmp_path: Path) -> None:
    shelf, chance = Shelf(tmp_path, memory=2_000), random.Random(5)  # noqa: S311
    pages: dict[int, tuple[Page, list[bytes]]] = {}
    for seed in range(300):
        some = things(seed, chance.randrange(1, 60))
        pages[seed] = shelf.put(some), some
        if chance.random() < 0.5:
            pages.pop(chance.choice(list(pages)))
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    await written(shelf)
    assert all(page.read() == some for page, some in pages.values())
    places = sorted(
        (page._place, module._taken(page._size)) for page, _ in pages.values() if page._place >= 0
    )
    assert len(places) > 100
    assert all(a + size <= b for (a, size), (b, _) in zip(places, places[1:], strict=False))


async def test_what_is_read_while_it_is_written_is_whole(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=0)
    pages = [shelf.put(things(seed)) for seed in range(50)]
    while shelf._writing is not None:
        seen = await asyncio.to_thread(lambda: [page.read() for page in pages])
        assert seen == [things(seed) for seed in range(50)]
    assert not any(page.is_in_memory for page in pages[:1])


async def test_without_a_folder_all_stays_in_memory() -> None:
    shelf = Shelf(memory=0)
    pages = [shelf.put(things(seed)) for seed in range(9)]
    assert all(page.is_in_memory for page in pages)
    assert shelf.weight == sum(page._size for page in pages)
    del pages
    assert shelf.weight == 0


@pytest.mark.parametrize("fault", ["open", "write", "short"])
async def test_a_disk_that_takes_nothing_is_said_once_and_costs_nothing_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def full(*_: Any) -> int:
        if fault == "short":
            return 1
        raise OSError("the disk is full")

    folder = tmp_path / "file"
    if fault == "open":
        folder.write_text("no folder")
    else:
        monkeypatch.setattr(os, "pwrite", full)
    shelf = Shelf(folder, memory=0)
    with capture_logs() as logs:
        pages = [shelf.put(things(seed)) for seed in range(5)]
        await written(shelf)
        pages += [shelf.put(things(seed)) for seed in range(5, 9)]
        await written(shelf)
    assert [line["event"] for line in logs] == ["shelf_not_written"]
    assert [page.read() for page in pages] == [things(seed) for seed in range(9)]


async def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=0)
    page = shelf.put(things(1))
    await shelf.close()
    assert not page.is_in_memory
    await shelf.close()
    later = shelf.put(things(2))
    assert later.is_in_memory
    assert (page.read(), later.read()) == (things(1), things(2))


@pytest.mark.parametrize(("size", "taken"), [(1, 1), (512, 1), (513, 2), (1025, 4), (2048, 4)])
def test_places_are_blocks_doubled(size: int, taken: int) -> None:
    assert module._taken(size) == taken * BLOCK
