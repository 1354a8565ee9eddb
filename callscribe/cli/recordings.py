"""A recording becomes a transcript, faster than it was spoken.

May import ``media``, ``engines.base``, ``output`` and core.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from callscribe.audio import RATE, to_float
from callscribe.cli.output import side
from callscribe.engines.base import FileEngine
from callscribe.errors import MediaError
from callscribe.media import Int16Array, Media, open_media, select
from callscribe.transcript import Result, Transcript, Utterance

BLOCK = 1.0
"""Seconds that are read at a time."""


class Channels(enum.StrEnum):
    """What the channels of a recording are."""

    AUTO = "auto"
    SPLIT = "split"
    MIX = "mix"


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for all recordings."""

    language: str
    speakers: tuple[str, ...] = ()
    channels: Channels = Channels.AUTO
    keyterms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, and which of its channels is whose; channel None is the mix of all."""

    media: Media
    legs: tuple[tuple[str, int | None], ...]
    job: Job

    @property
    def name(self) -> str:
        """What its transcript is called."""
        return self.media.path.stem


def plan(path: Path, job: Job) -> Recording:
    """Looks into a file and decides who is on which channel; blocking. ``MediaError``."""
    media = open_media(path)
    split = job.channels is Channels.SPLIT or (
        job.channels is Channels.AUTO and media.has_separate_speakers()
    )
    if not split or media.channels == 1:
        return Recording(media, ((job.speakers[0] if job.speakers else "speaker", None),), job)
    names = job.speakers or ("technician", "agent")
    if job.speakers and len(names) > media.channels:
        raise MediaError(f"{path.name} has {media.channels} channels, not {len(names)} speakers")
    return Recording(
        media,
        tuple(
            (names[index] if index < len(names) else f"speaker-{index + 1}", index)
            for index in range(media.channels)
        ),
        job,
    )


async def transcribe_recording(engine: FileEngine, recording: Recording) -> tuple[Transcript, str]:
    """The transcript, and what was wrong with the file's end (empty: nothing).

    A file that breaks off is written down as far as it goes. ``MediaError`` for a worse one,
    ``EngineError`` from the engine.
    """
    media, job = recording.media, recording.job
    transcript = Transcript(recording.name)
    trouble = ""
    with time_progress(recording) as progress:
        for index, (speaker, channel) in enumerate(recording.legs):
            blocks = Blocks(media, channel)
            results = await engine.transcribe_blocks(
                blocks.read(),
                job.language,
                keyterms=job.keyterms,
                on_progress=partial(progress, index),
            )
            for utterance in utterances(speaker, results):
                transcript.add(utterance)
            trouble = blocks.trouble
    return transcript, trouble


@contextmanager
def time_progress(recording: Recording) -> Iterator[Callable[[int, float], None]]:
    """A bar over all legs with the time that is left; gives ``(leg's number, its seconds)``.

    It is drawn on standard error, in a terminal only.
    """
    console = side()
    duration = recording.media.duration
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        total = duration * len(recording.legs) if duration else None
        task = bar.add_task(recording.name, total=total)

        def report(leg: int, seconds: float) -> None:
            bar.update(task, completed=leg * (duration or 0.0) + seconds)

        yield report


class Blocks:
    """One channel of a file as 16 kHz blocks, read in a thread ahead of who takes them."""

    def __init__(self, media: Media, channel: int | None) -> None:
        self._media, self._channel = media, channel
        self.trouble = ""
        """Where the file breaks off, once all of it was read."""

    async def read(self) -> AsyncIterator[NDArray[np.float32]]:
        """The blocks, -1 to 1; ``MediaError`` if the file cannot be read at all."""
        source = self._source()
        while (block := await asyncio.to_thread(next, source, None)) is not None:
            yield to_float(block)

    def _source(self) -> Iterator[Int16Array]:
        try:
            for block in self._media.blocks(rate=RATE, seconds=BLOCK):
                yield select(block, self._channel)
        except MediaError as error:
            if error.code != "truncated_media":
                raise
            self.trouble = error.message


def utterances(speaker: str, results: Sequence[Result]) -> Iterator[Utterance]:
    """The finals that say something as numbered utterances."""
    spoken = (result for result in results if result.text.strip())
    for number, result in enumerate(spoken, 1):
        yield Utterance(
            f"{speaker}-{number}",
            speaker,
            result.text.strip(),
            result.start,
            result.end,
            result.words,
            result.confidence,
            result.language,
        )
