"""The house keeps its shape: imports point one way, no loose tasks, every file has its test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "callscribe"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS: list[set[str]] = [
    {"", "errors", "transcript", "events", "languages", "settings", "audio", "vad", "utterances"}
    | {"logs", "wer", "coverage", "floor", "talk", "same_words", "leaks", "finals"}
    | {
        "loudness",
        "evidence",
        "numbered",
        "said",
        "shelf",
        "former",
        "sureness",
        "voices",
        "allocator",
        "collector",
        "closing",
        "flag",
        "frames",
        "parts",
        "reading",
        "sending",
        "tick",
    },
    {"wire", "export", "media"},
    {"engines", "agents", "store", "bus", "configuration", "chaos"},
    {
        "leg",
        "keeping",
        "ledger",
        "gaps",
        "notices",
        "past",
        "record",
        "cut_off",
        "legs",
        "session",
        "sessions",
    },
    {"ladder", "service"},
    {"calls"},
    {"web"},
    {"demo"},
    {"cli", "__main__"},
]
"""From the ground up: a floor may import those below it, and itself."""

WINGS = FLOORS[2] - {"configuration"}
"""Neighbours that do not know each other."""

NARROW = {"chaos": {"wire", "errors"}}
"""Rooms that are used without the rest of the house, and all they may import."""

CONTRACTS = {
    "agents/calls.py": {"callscribe.store.base"},
    "agents/cursors.py": {"callscribe.store.base"},
    "agents/runner.py": {"callscribe.store.base"},
    "agents/telling.py": {"callscribe.store.base"},
}
"""Where a wing works through its neighbour's contract, never through its inside."""

LOOSE_TASKS = {
    "ledger.py": "writes what all sessions publish, waited for in close",
    "keeping.py": "brings home what the journal holds, cancelled and waited for in close",
    "agents/lane.py": "a worker lives while a session has finals for an agent, awaited in close",
    "agents/cursors.py": "writes what moved, while something has, waited for in close",
    "shelf.py": "writes old pages to their file, waited for in close",
    "sessions.py": "a session outlives the request that began it",
    "engines/deepgram/pieces.py": "sends pieces one after the other, awaited in close",
    "engines/deepgram/glances.py": "a look at an open piece, cancelled when that has ended",
    "engines/deepgram/connection.py": "owns the tasks that read and write, awaited in close",
    "engines/rehearing/connection.py": "owns the task that hears finals again, awaited in close",
    "engines/resilient/connection.py": "owns the tasks that open engines, awaited in close",
    "engines/deepgram/transport.py": "waits for a connection's end, awaited in abort",
    "reading.py": "ends a message that takes its time; nothing more is read before",
    "web/socket_protocol.py": "runs the application; uvicorn waits for it when the server ends",
    "engines/telling.py": "hands a leg's events over in order, also to async callbacks",
}
"""Where a task is made outside a task group, each waited for at the end, and why."""

NO_TEST_OF_THEIR_OWN = {
    "engines/whisper/jobs.py": "plain data; test_stream reads every field",
    "__main__.py": "three lines, run by tests/cli",
    "errors.py": "a tree of names, held by tests/web/test_errors.py",
    "agents/base.py": "a contract, held by tests/contract",
    "store/base.py": "a contract, held by tests/contract",
    "bus/base.py": "a contract, held by tests/contract",
    "engines/base.py": "a contract, held by tests/test_promises.py",
    "cli/playing.py": "sound devices",
    "web/context.py": "a dataclass",
    "web/pages.py": "four addresses, held by tests/test_promises.py",
    "web/models.py": "forms, held by tests/web/test_app.py",
}
"""Source files without a test file that mirrors them, and why."""


def room(module: str) -> str:
    """``callscribe.web.app`` is in the room ``web``."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int:
    return next(index for index, names in enumerate(FLOORS) if name in names)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("callscribe"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "callscribe" else [node.module or ""]
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("callscribe"))


def here(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    mine = here(path)
    if mine == "":
        return  # the package's own door shows what is promised
    for module in imports(path):
        theirs = room(module) if room(module) not in ("__version__",) else ""
        assert floor(theirs) <= floor(mine), f"{path} imports {module}"
        known = CONTRACTS.get(str(path.relative_to(PACKAGE)), set())
        strange = mine in WINGS and theirs in WINGS and mine != theirs
        assert not strange or module in known, f"{path}: {module}"
        assert theirs == mine or theirs in NARROW.get(mine, {theirs}), f"{path}: {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tasks_are_in_groups(path: Path) -> None:
    loose = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            made = node.func.attr in ("create_task", "ensure_future")
            loose += made and (owner == "asyncio" or owner.endswith("loop"))
    allowed = str(path.relative_to(PACKAGE)) in LOOSE_TASKS
    assert loose == int(allowed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_says_what_lives_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_every_file_has_its_mirror() -> None:
    missing = set()
    for path in FILES:
        inside = path.relative_to(PACKAGE)
        mirror = ROOT / "tests" / inside.parent / f"test_{inside.name}"
        if path.name != "__init__.py" and not mirror.exists():
            missing.add(str(inside))
    assert missing <= set(NO_TEST_OF_THEIR_OWN), missing - set(NO_TEST_OF_THEIR_OWN)
