"""Putting a model together from pieces: all of it or nothing."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from callscribe.engines.whisper import packaged
from callscribe.engines.whisper.packaged import Piece, assemble, find_pieces
from callscribe.errors import ModelError


@pytest.fixture
def pieces(tmp_path: Path) -> dict[str, list[Path]]:
    folder = tmp_path / "site-packages" / "some_model" / "data"
    folder.mkdir(parents=True)
    for name, content in (("a.1", b"first "), ("a.2", b"second"), ("b", b"{}")):
        (folder / name).write_bytes(content)
    return {"a": [folder / "a.1", folder / "a.2"], "b": [folder / "b"]}


SUMS = {
    "a": hashlib.sha256(b"first second").hexdigest(),
    "b": hashlib.sha256(b"{}").hexdigest(),
}


def test_pieces_are_joined_in_order_and_progress_adds_up(
    tmp_path: Path, pieces: dict[str, list[Path]]
) -> None:
    seen: list[tuple[str, int, int]] = []
    target = tmp_path / "models" / "m"
    assemble(pieces, target, SUMS, remedy="", progress=lambda *step: seen.append(step))
    assert (target / "a").read_bytes() == b"first second"
    assert sorted(path.name for path in target.parent.iterdir()) == ["m"]
    assert seen[-1] == ("assembling m", 14, 14)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_wrong_piece_leaves_nothing_behind_and_says_what_to_do(
    tmp_path: Path, pieces: dict[str, list[Path]]
) -> None:
    pieces["a"][1].write_bytes(b"secomd")
    target = tmp_path / "models" / "m"
    with pytest.raises(ModelError) as caught:
        assemble(pieces, target, SUMS, remedy="pip install thing")
    message = caught.value.message
    found = hashlib.sha256(b"first secomd").hexdigest()
    for part in ("a.2", SUMS["a"], found, "pip install thing"):
        assert part in message
    assert list(target.parent.iterdir()) == []


def test_what_stands_there_is_replaced_and_the_abandoned_is_swept(
    tmp_path: Path, pieces: dict[str, list[Path]]
) -> None:
    target = tmp_path / "models" / "m"
    target.mkdir(parents=True)
    (target / "a").write_bytes(b"old")
    old, young = target.parent / ".m-old", target.parent / ".m-young"
    for folder in (old, young):
        folder.mkdir()
    long_ago = time.time() - 2 * packaged.ABANDONED
    os.utime(old, (long_ago, long_ago))
    assemble(pieces, target, SUMS, remedy="")
    assert (target / "a").read_bytes() == b"first second"
    assert sorted(path.name for path in target.parent.iterdir()) == [".m-young", "m"]


def test_another_process_that_is_quicker_is_no_error(
    tmp_path: Path, pieces: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "models" / "m"
    rename, calls = Path.rename, []

    def late(self: Path, new: Path) -> Path:
        calls.append(new)
        if len(calls) == 1:
            new.mkdir()
            (new / "a").write_bytes(b"first second")
        return rename(self, new)

    monkeypatch.setattr(Path, "rename", late)
    assemble(pieces, target, SUMS, remedy="")
    assert len(calls) == 2
    assert sorted(path.name for path in target.parent.iterdir()) == ["m"]


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, pieces: dict[str, list[Path]]
) -> None:
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(ModelError, match="cannot be written"):
        assemble(pieces, tmp_path / "models" / "m", SUMS, remedy="")


def test_pieces_are_found_all_or_none(
    tmp_path: Path, pieces: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages"
    (package / "some_model" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(package)
    files = {
        "a": (Piece("some_model", "data/a.1"), Piece("some_model", "data/a.2")),
        "b": (Piece("some_model", "data/b"),),
    }
    assert find_pieces(files) == pieces
    assert find_pieces({**files, "c": (Piece("some_model", "data/c"),)}) is None
    assert find_pieces({"c": (Piece("no_such_package_here", "data/c"),)}) is None
    assert find_pieces({}) is None
