"""Where the runtime configuration is kept: one JSON file, written atomically.

May import ``settings`` and ``errors``.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from callscribe.settings import TranscriptionConfig
from callscribe.wire.deepgram_query import ListenQuery

_log = structlog.get_logger(__name__)


class ConfigurationStore:
    """The current ``TranscriptionConfig`` and the file that outlives the process.

    Readers take ``current``, which is immutable: a session keeps the one it started with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()
        self.current = TranscriptionConfig.model_validate({})

    def load(self) -> TranscriptionConfig:
        """Reads the file at start; blocking.

        No file means the defaults. A file that cannot be used is said, set aside with the ending
        ``.broken`` and replaced by the defaults: a typing error must not keep the calls down.
        """
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return self.current
        try:
            self.current = TranscriptionConfig.model_validate_json(body)
        except ValidationError as error:
            kept = self._path.with_name(self._path.name + ".broken")
            self._path.replace(kept)
            _log.error(
                "configuration_unreadable",
                file=str(self._path),
                kept_as=str(kept),
                problems=[_problem(item) for item in error.errors(include_url=False)],
                help="the defaults are used; correct the kept file and put it back",
            )
        return self.current

    async def update(self, changes: Mapping[str, Any]) -> TranscriptionConfig:
        """Changes some keys for the sessions to come, and saves them before it returns.

        ``pydantic.ValidationError`` for an unknown key or a wrong value, ``ConfigurationError`` for
        values that do not go together; nothing is changed then.
        """
        async with self._writing:
            known = self.current.model_dump(mode="json")
            changed = TranscriptionConfig.model_validate_json(json.dumps({**known, **changes}))
            check_for_deepgram(changed)
            if changed != self.current or not self._path.exists():
                text = json.dumps(changed.model_dump(mode="json"), ensure_ascii=False, indent=2)
                await asyncio.to_thread(write_atomically, self._path, text + "\n")
                self.current = changed
            return self.current


def check_for_deepgram(config: TranscriptionConfig) -> None:
    """``ConfigurationError`` where Deepgram would refuse the options together, in words."""
    ListenQuery(
        model=config.deepgram_model,
        keyterm=config.keyterms,
        search=config.deepgram_search,
        tag=config.deepgram_tag,
    ).check()


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file so that a reader or a crash sees the old or the new one; blocking."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _problem(item: Mapping[str, Any]) -> str:
    return f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"
