"""A PostgreSQL server for tests and measurements, started here and gone afterwards.

It runs in a folder of its own behind a Unix socket, as another user where we are root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

USER = "callscribe"


def programs() -> Path | None:
    """The folder with ``initdb`` and the others; None where PostgreSQL is not installed."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _as_whom() -> dict[str, Any]:
    """The server refuses to run as root."""
    if os.getuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@dataclass
class PostgresServer:
    """A running server with one database."""

    folder: Path
    bin: Path

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs; says what it said when it fails."""
        done = subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            **_as_whom(),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout} {done.stderr}")

    def start(self, *settings: str) -> None:
        """Starts it; ``settings`` are ``name=value``."""
        given = [f"unix_socket_directories={self.folder}", "listen_addresses=", *settings]
        options = " ".join(f"-c {setting}" for setting in given)
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stops it; ``immediate`` as a crash would."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def address(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def empty(self) -> str:
        """Empties the database; its address. Cheaper than a new one, of 7 MB each."""
        here = ("-h", str(self.folder), "-U", USER, "-d", "postgres", "-q")
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = "
        others += f"'{USER}' AND pid <> pg_backend_pid()"
        again = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        self.run("psql", *here, "-c", others, "-c", again)
        return self.address("postgres")


@contextmanager
def running(*settings: str) -> Iterator[PostgresServer]:
    """A new server. ``FileNotFoundError`` where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        raise FileNotFoundError("no PostgreSQL here; on Debian: apt-get install postgresql")
    # Not under pytest's own folder: only we may look into that.
    folder = Path(tempfile.mkdtemp(prefix="callscribe-postgres-"))
    server = PostgresServer(folder, found)
    try:
        whom = _as_whom()
        if whom:
            os.chown(folder, whom["user"], whom["group"])
        server.run(
            "initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8",
            "--no-locale", "--no-sync", "--no-instructions",
        )  # fmt: skip
        server.start(*settings)
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests; skips where PostgreSQL is not installed."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed here")
    with running("fsync=off", "shared_buffers=32MB") as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The address of an empty database."""
    return postgres_server.empty()
