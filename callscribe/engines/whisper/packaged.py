"""A model that comes in installed Python packages, put together once into one folder.

A package index takes files of 100 MB at most, so ``model.bin`` comes in pieces. The folder appears
under its name only when every byte of it was checked. May import ``errors``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callscribe.engines.whisper.model_files import CHUNK, Problem, Progress
from callscribe.errors import ModelError

ABANDONED = 3600.0
"""Age in seconds from which a half-written folder is taken to be left by a process that died."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file in an installed package: the package's import name and the path inside it."""

    package: str
    path: str

    def find(self) -> Path | None:
        """Where it lies on this machine, or None where the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / self.path
            if path.is_file():
                return path
        return None


PackagedFiles = Mapping[str, Sequence[Piece]]
"""For each file of the model the pieces it is made of, in order."""


def find_pieces(files: PackagedFiles) -> dict[str, list[Path]] | None:
    """The pieces' paths for every file, or None unless all of them are installed."""
    found: dict[str, list[Path]] = {}
    for name, pieces in files.items():
        paths = [path for piece in pieces if (path := piece.find())]
        if len(paths) != len(pieces):
            return None
        found[name] = paths
    return found or None


def assemble(
    files: Mapping[str, Sequence[Path]],
    target: Path,
    sums: Mapping[str, str],
    *,
    remedy: str,
    progress: Progress | None = None,
) -> None:
    """Writes ``files`` to the folder ``target``, checked against ``sums`` on the way.

    A folder that stands there already is replaced. ``ModelError`` where a file is not the right
    one (it ends with ``remedy``, a command) or cannot be written; then nothing is left behind.
    """
    label = f"assembling {target.name}"
    total = sum(path.stat().st_size for paths in files.values() for path in paths)
    meter = _Meter(label, total, progress)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ModelError(f"the model cannot be written to {target.parent}: {error}") from error
    try:
        for name, paths in files.items():
            found = _join(paths, folder / name, meter)
            if found != sums[name]:
                names = ", ".join(map(str, paths))
                problem = Problem(Path(name), sums[name], found)
                raise ModelError(f"{problem} (made of {names}); install it again: {remedy}")
        folder.chmod(0o755)
        _put_in_place(folder, target)
    except OSError as error:
        raise ModelError(f"the model cannot be written to {target}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Meter:
    """Adds up bytes and reports them."""

    def __init__(self, label: str, total: int, progress: Progress | None) -> None:
        self._label, self._total, self._progress, self._done = label, total, progress, 0

    def add(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._label, self._done, self._total)


def _join(paths: Sequence[Path], target: Path, meter: _Meter) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for path in paths:
            with path.open("rb") as piece:
                while block := piece.read(CHUNK):
                    digest.update(block)
                    out.write(block)
                    meter.add(len(block))
        _flush(out)
    return digest.hexdigest()


def _flush(file: BinaryIO) -> None:
    """To the disk itself: the folder must not get its name before its bytes are safe."""
    file.flush()
    os.fsync(file.fileno())


def _put_in_place(folder: Path, target: Path) -> None:
    """Gives the finished folder its name; what stood there goes. Two processes may do this."""
    for _ in range(5):
        if target.exists():
            doomed = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            with contextlib.suppress(FileNotFoundError):
                target.replace(doomed / "old")
            shutil.rmtree(doomed, ignore_errors=True)
        try:
            folder.rename(target)
        except OSError:
            if not target.exists():
                raise
            continue  # another process was quicker: its folder is replaced by this equal one
        return
    raise OSError(f"{target} is being written by another process again and again")


def _sweep(target: Path) -> None:
    """Removes what a process that was killed left half written."""
    for path in target.parent.glob(f".{target.name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
