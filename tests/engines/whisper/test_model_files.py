"""Checking a model's files, and remembering that they were checked."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from callscribe.engines.whisper.model_files import (
    STAMPS,
    is_stamped,
    sha256_of,
    verify_model,
    what_is_missing,
    write_stamp,
)

SUMS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "m"
    folder.mkdir(parents=True)
    for name in SUMS:
        (folder / name).write_text(name)
    return folder


def test_right_files_have_no_problems(folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    assert verify_model(folder, SUMS, progress=lambda *step: seen.append(step)) == []
    assert seen[-1] == ("checking m", 6, 6)


def test_every_wrong_or_missing_file_is_named(folder: Path) -> None:
    (folder / "one").write_text("eno")
    (folder / "two").unlink()
    wrong, missing = verify_model(folder, SUMS)
    assert wrong.path == folder / "one"
    assert wrong.expected == SUMS["one"]
    assert wrong.found == sha256_of(folder / "one")
    assert wrong.expected in str(wrong)
    assert wrong.found in str(wrong)
    assert str(missing) == f"{folder / 'two'} is missing"


def test_a_stamp_holds_until_a_file_changes(folder: Path) -> None:
    models = folder.parent
    assert not is_stamped(models, folder, SUMS)
    write_stamp(models, folder, SUMS)
    assert is_stamped(models, folder, SUMS)
    assert not is_stamped(models, folder, {**SUMS, "one": "0" * 64})
    assert not is_stamped(models, folder.parent / "other", SUMS)
    os.utime(folder / "one", (1, 1))
    assert not is_stamped(models, folder, SUMS)


def test_a_file_that_vanished_breaks_the_stamp(folder: Path) -> None:
    write_stamp(folder.parent, folder, SUMS)
    (folder / "two").unlink()
    assert not is_stamped(folder.parent, folder, SUMS)


@pytest.mark.parametrize("damage", ["", "{", "[]", "\x00"])
def test_a_damaged_stamp_file_only_costs_time(folder: Path, damage: str) -> None:
    (folder.parent / STAMPS).write_text(damage)
    assert not is_stamped(folder.parent, folder, SUMS)
    write_stamp(folder.parent, folder, SUMS)
    assert is_stamped(folder.parent, folder, SUMS)


def test_stamps_of_other_folders_are_kept(folder: Path) -> None:
    other = folder.parent / "n"
    shutil.copytree(folder, other)
    write_stamp(folder.parent, folder, SUMS)
    write_stamp(folder.parent, other, SUMS)
    assert is_stamped(folder.parent, folder, SUMS)
    assert is_stamped(folder.parent, other, SUMS)


def test_a_stamp_that_cannot_be_written_is_no_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write_stamp(tmp_path / "file", folder, SUMS)
    assert not is_stamped(tmp_path / "file", folder, SUMS)


def test_what_is_missing(tmp_path: Path) -> None:
    assert what_is_missing(tmp_path) == [
        "model.bin",
        "config.json",
        "tokenizer.json",
        "vocabulary.*",
    ]
    (tmp_path / "model.bin").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{'not': json}")
    (tmp_path / "vocabulary.json").write_text("[]")
    assert what_is_missing(tmp_path) == [
        "model.bin",
        "tokenizer.json (it is there, but holds no JSON object)",
    ]
