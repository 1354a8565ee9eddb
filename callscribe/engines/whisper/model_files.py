"""The files of a Whisper model: are they all there, and are they the right ones.

A full check reads every byte. What it found good is written to a *stamp* beside the models, with
each file's size and time of change, so that a warm start need not read 145 MB again.
May import ``errors``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all (0: not known)."""

CHUNK = 1 << 20
"""How much is read at a time, bytes."""

STAMPS = "verified.json"
"""The name of the stamp file in the folder of the models."""

NEEDED = ("model.bin", "config.json", "tokenizer.json", "vocabulary.*")
"""What the folder of any CTranslate2 Whisper model holds."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One file that is not as it should be. ``found`` is empty where the file is missing."""

    path: Path
    expected: str
    found: str

    def __str__(self) -> str:
        if not self.found:
            return f"{self.path} is missing"
        return (
            f"{self.path} is not the right file: "
            f"sha256 {self.expected} expected, {self.found} found"
        )


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of a file as hex text; ``on_bytes`` hears the length of every piece read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
    return digest.hexdigest()


def verify_model(
    folder: Path, sums: Mapping[str, str], *, progress: Progress | None = None
) -> list[Problem]:
    """Reads every file of ``sums`` (name to SHA-256) in ``folder``; returns what is wrong."""
    paths = {name: folder / name for name in sums}
    total = sum(path.stat().st_size for path in paths.values() if path.is_file())
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(f"checking {folder.name}", done, total)

    problems = []
    for name, path in paths.items():
        found = sha256_of(path, advance) if path.is_file() else ""
        if found != sums[name]:
            problems.append(Problem(path, sums[name], found))
    return problems


def what_is_missing(folder: Path) -> list[str]:
    """The names of the needed files that are absent, empty or not what their name says."""
    missing = [
        name
        for name in NEEDED
        if not any(path.is_file() and path.stat().st_size for path in folder.glob(name))
    ]
    for name in ("config.json", "tokenizer.json"):
        if name not in missing and not _is_json(folder / name):
            missing.append(f"{name} (it is there, but holds no JSON object)")
    return missing


def is_stamped(models_dir: Path, folder: Path, sums: Mapping[str, str]) -> bool:
    """True if these very files were checked before against ``sums`` and did not change since."""
    try:
        return _read_stamps(models_dir).get(str(folder.resolve())) == _stamp(folder, sums)
    except OSError:
        return False


def write_stamp(models_dir: Path, folder: Path, sums: Mapping[str, str]) -> None:
    """Notes that the files in ``folder`` are those of ``sums``; a folder nobody may write is fine.

    Without a stamp the next start only takes longer.
    """
    with contextlib.suppress(OSError):
        stamps = _read_stamps(models_dir)
        stamps[str(folder.resolve())] = _stamp(folder, sums)
        models_dir.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".verified-", dir=models_dir)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(stamps, file, indent=1)
        Path(name).chmod(0o644)
        Path(name).replace(models_dir / STAMPS)


def _stamp(folder: Path, sums: Mapping[str, str]) -> dict[str, list[object]]:
    stamp: dict[str, list[object]] = {}
    for name, expected in sums.items():
        info = (folder / name).stat()
        stamp[name] = [expected, info.st_size, info.st_mtime_ns]
    return stamp


def _read_stamps(models_dir: Path) -> dict[str, object]:
    try:
        stamps = json.loads((models_dir / STAMPS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False
