"""Clients that are no part of our own environment: fetched once, kept in ``.cache``.

A test that needs one is skipped, with the reason, where there is no way to fetch it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "clients"
PATIENCE = 180.0
"""Seconds that a package manager may take."""

NO_WAY = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|E\w*TIMEDOUT|ENETUNREACH|EHOSTUNREACH"  # npm
    r"|E40[37]\b|E50[234]\b"
    r"|NewConnectionError|NameResolutionError|ProxyError|TimeoutError|from versions: none"  # pip
)
"""What the package managers say when they cannot reach their registry."""


def fetched(name: str, lock: Path, build: Callable[[Path], None]) -> Path:
    """The folder of a client in the cache; ``build`` fills it when the lock is a new one."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    folder = CACHE / f"{name}-{digest[:12]}"
    done = folder / "complete"
    if not done.exists():
        # In its place from the start, as an environment of Python cannot be moved.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        build(folder)
        done.touch()
    return folder


def run(command: Sequence[str | Path], folder: Path) -> None:
    """Runs a package manager; skips the test where it reaches no registry."""
    name = "pip" if "pip" in command else Path(command[0]).name
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} had not fetched anything from its registry after {PATIENCE:.0f} s")
    said = done.stdout + done.stderr
    if done.returncode and (fault := NO_WAY.search(said)):
        pytest.skip(f"{name} reaches no registry here: {fault.group()}")
    assert done.returncode == 0, said


def needs(*programs: str) -> None:
    """Skips the test where one of the programs is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)} here; as root on Debian: make node")
