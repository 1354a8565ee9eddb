"""Transcripts as files: one folder a session, with the formats that people open.

May import ``export`` and core.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from callscribe.export import FORMATS, export
from callscribe.transcript import Transcript

SAVED = ("text", "json", "srt", "vtt")


class TranscriptFiles:
    """Keeps transcripts under ``folder``, a folder of their own for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def save(self, transcript: Transcript) -> None:
        """Writes all these formats in a thread; ``OSError`` when the disk does not take them.

        The folder appears with all its files or not at all. One that is there already, from an
        earlier session of the same name, is kept: the new one is called ``SESSION_ID-2``.
        """
        if transcript.utterances:
            await asyncio.to_thread(self._save, transcript)

    def _save(self, transcript: Transcript) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self._folder, prefix=".new-"))
        try:
            for name in SAVED:
                form = FORMATS[name]
                _write(made / f"transcript{form.suffix}", export(transcript, name))
            made.chmod(0o755)
            _rename(made, self._folder / transcript.session_id.replace(":", "_"))
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _rename(made: Path, wanted: Path) -> None:
    """Gives a folder its name, or the name with the next free number."""
    name, number = wanted, 1
    while True:
        try:
            made.rename(name)
        except OSError:
            if not name.exists():
                raise
            number += 1
            name = wanted.with_name(f"{wanted.name}-{number}")
        else:
            return
