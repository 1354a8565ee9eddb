"""The file that takes events while the store is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callscribe.events import Event, Notice
from callscribe.store.journal import FileJournal

pytestmark = pytest.mark.anyio


def notices(*numbers: int) -> list[Event]:
    return [Notice(session_id="call", seq=n, at=1.0, code="c", message="où ?\n") for n in numbers]


async def test_what_was_written_comes_back_in_pieces(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "new" / "journal")
    await journal.append(notices(1, 2))
    await journal.append(notices(3))
    assert await journal.read(2) == notices(1, 2)
    assert await journal.read(2) == notices(1, 2)  # not dropped: it comes again
    await journal.drop(2)
    await journal.append(notices(4))
    assert await journal.read(10) == notices(3, 4)
    await journal.drop(2)
    assert await journal.read(10) == []
    assert not (tmp_path / "new" / "journal").exists()
    await journal.append(notices(5))
    assert await journal.read(10) == notices(5)


async def test_another_process_reads_it(tmp_path: Path) -> None:
    await FileJournal(tmp_path / "j").append(notices(1, 2))
    assert await FileJournal(tmp_path / "j").read(5) == notices(1, 2)


async def test_a_line_that_a_crash_cut_off_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await FileJournal(path).append(notices(1, 2))
    path.write_bytes(path.read_bytes()[:-9])
    journal = FileJournal(path)
    await journal.append(notices(3))
    found: list[Event] = []
    with capture_logs() as logs:
        while some := await journal.read(10):
            found += some
            await journal.drop(len(some))
    assert found == notices(1, 3)
    assert {entry["event"] for entry in logs} == {"journal_line_unreadable"}
    assert "où" not in str(logs)
    assert not path.exists()


async def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        await FileJournal(tmp_path / "file" / "j").append(notices(1))
