"""Installs a package with an agent, as pip would leave it, in a folder of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Packages:
    """A folder in which packages are found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def install(self, name: str, code: str, entry: str = "") -> None:
        """``entry`` is the line of its entry point; without it that is ``create`` in ``code``."""
        self.names.append(name)
        (self.folder / f"{name}.py").write_text(code, encoding="utf-8")
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        line = entry or f"{name} = {name}:create"
        (info / "entry_points.txt").write_text(f"[callscribe.agents]\n{line}\n")


@contextmanager
def packages(folder: Path) -> Iterator[Packages]:
    """What is installed there can be imported until the block ends."""
    made = Packages(folder)
    sys.path.insert(0, str(folder))
    try:
        yield made
    finally:
        sys.path.remove(str(folder))
        for name in made.names:
            sys.modules.pop(name, None)
