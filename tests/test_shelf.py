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
    pages[300] = (
        shelf.put(things(300, 60)),
        things(300, 60),
    )  # what came while it was writing goes too
    await written(shelf)
    assert all(page.read() == some for page, some in pages.values())
    places = sorted(
        (sheet.place, module._taken(sheet.size))
        for page, _ in pages.values()
        if (sheet := page._sheet).place >= 0
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


async def test_without_a_folder_all_stays_in_memory_and_nothing_is_noted() -> None:
    shelf = Shelf(memory=0)
    pages = [await asyncio.to_thread(shelf.put, things(seed)) for seed in range(9)]
    assert all(page.is_in_memory for page in pages)
    pages.clear()
    assert (shelf.weight, len(shelf._fresh), len(shelf._gone)) == (0, 0, 0)


async def test_short_calls_leave_nothing_behind(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for seed in range(2_000):
        shelf.put([seed])
    assert len(shelf._fresh) + len(shelf._gone) <= 2
    assert shelf.weight < 200
    assert shelf._file is None


async def test_a_page_may_be_let_go_in_any_thread_and_while_it_is_written(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=0)
    for seed in range(20):
        page = shelf.put(things(seed))  # written from now on
        assert shelf._writing is not None
        held = [page]
        del page
        await asyncio.to_thread(held.clear)
        await written(shelf)
    kept = shelf.put(things(99))
    await written(shelf)
    assert kept.read() == things(99)
    assert (shelf.weight, shelf._living, len(shelf._fresh)) == (0, 1, 0)
    assert shelf._end <= 2 * 2048


async def test_the_file_is_emptied_with_its_last_page(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=3_000)
    pages = [shelf.put(things(seed)) for seed in range(9)]
    await written(shelf)
    assert os.fstat(shelf._file.fileno()).st_size > 10_000
    pages.clear()
    left = shelf.put(["little"])
    await written(shelf)
    assert os.fstat(shelf._file.fileno()).st_size == 0
    assert (left.read(), shelf._end) == (["little"], 0)


@pytest.mark.parametrize("fault", ["open", "write", "short", "thread"])
async def test_a_disk_that_takes_nothing_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def full(*_: Any) -> int:
        if fault == "short":
            return 1
        raise OSError("the disk is full")

    async def no_thread(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    now, folder = [100.0], tmp_path / "file"
    shelf = Shelf(folder, memory=0, monotonic=lambda: now[0])
    if fault == "open":
        folder.write_text("no folder")
    elif fault == "thread":
        monkeypatch.setattr(asyncio, "to_thread", no_thread)
    else:
        monkeypatch.setattr(os, "pwrite", full)
    with capture_logs() as logs:
        pages = [shelf.put(things(seed)) for seed in range(5)]
        await written(shelf)
        for at in (110.0, 161.0):  # too soon, and once more in vain
            now[0] = at
            pages.append(shelf.put(things(len(pages))))
            await written(shelf)
        assert all(page.is_in_memory for page in pages)
        monkeypatch.undo()
        if folder.is_file():
            folder.unlink()
        now[0] = 222.0
        pages.append(shelf.put(things(len(pages))))
        await written(shelf)
    assert [line["event"] for line in logs] == ["shelf_not_written", "shelf_written_again"]
    assert not any(page.is_in_memory for page in pages)
    assert [page.read() for page in pages] == [things(seed) for seed in range(8)]
    assert shelf._end == 8 * 2048, "no place was lost"


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
