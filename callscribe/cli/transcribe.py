"""``callscribe transcribe``: recordings become transcripts.

May import ``recordings``, ``playing``, ``targets``, ``engines.whisper``, ``export`` and core.
"""

from __future__ import annotations

import asyncio
import enum
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from callscribe.cli.output import byte_progress, complain, read_settings, side
from callscribe.cli.playing import play_live
from callscribe.cli.recordings import Channels, Job, Recording, plan, transcribe_recording
from callscribe.cli.spoken import known_language
from callscribe.cli.targets import SCREEN, choose_targets
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.errors import CallscribeError, ConfigurationError
from callscribe.export import Model, Source, export
from callscribe.settings import Settings
from callscribe.transcript import Transcript


class Form(enum.StrEnum):
    """The formats of ``export``."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    DEEPGRAM = "deepgram"


def transcribe(
    files: Annotated[
        list[Path], typer.Argument(help="Audio or video files of any kind.", show_default=False)
    ],
    language: Annotated[
        str, typer.Option("--language", "-l", help="What is spoken: fr, en, … or auto.")
    ] = "fr",
    form: Annotated[Form, typer.Option("--format", "-f", help="What to write.")] = Form.TEXT,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="A folder for a file each, a file (.txt, .json, .srt, .vtt) for one recording, "
            "or - for the screen.",
        ),
    ] = SCREEN,
    force: Annotated[
        bool, typer.Option("--force", help="Write over transcripts that are there already.")
    ] = False,
    speakers: Annotated[
        str | None,
        typer.Option(
            help="Names of the speakers, one per channel, with commas (technician,agent)."
        ),
    ] = None,
    channels: Annotated[
        Channels,
        typer.Option(help="One speaker per channel (split), all in one (mix), or see (auto)."),
    ] = Channels.AUTO,
    live: Annotated[
        bool, typer.Option("--live", help="Play it at the pace of life through the live engine.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Whisper model: a size, a hub name or a folder.")
    ] = None,
    keyterm: Annotated[
        list[str] | None, typer.Option(help="A name or rare word to expect; may be repeated.")
    ] = None,
) -> None:
    """Write down recordings, on this machine.

    In a recording with two channels that differ each channel is a speaker. Files that cannot be
    read do not stop the others; the status is then 1. Where nothing was heard that is said; it is
    no error. What is written already is not written over without --force.

    For example:

    - `callscribe transcribe call.mp3`
    - `callscribe transcribe call.wav --speakers technician,agent --format srt > call.srt`
    - `callscribe transcribe *.mp4 --language en --format vtt --output captions/`
    - `callscribe transcribe call.wav --live`
    """
    settings = read_settings(whisper_model=model)
    job = Job(
        language=known_language(language),
        speakers=tuple(name.strip() for name in speakers.split(",")) if speakers else (),
        channels=channels,
        keyterms=tuple(keyterm or ()),
    )
    if len(set(job.speakers)) < len(job.speakers):
        raise ConfigurationError("two speakers have the same name; every channel needs its own")
    targets = choose_targets(files, form, output, force=force)
    if not asyncio.run(_all(settings, job, files, form, targets, live=live)):
        raise typer.Exit(1)


async def _all(
    settings: Settings,
    job: Job,
    files: list[Path],
    form: Form,
    targets: list[Path | None],
    *,
    live: bool,
) -> bool:
    """Does one file after the other; False if any of them failed."""
    engine = await _ready_engine(settings)
    good = True
    try:
        for path, target in zip(files, targets, strict=True):
            try:
                recording = await asyncio.to_thread(plan, path, job)
                if live:
                    transcript, trouble = await play_live(settings, engine, recording)
                else:
                    transcript, trouble = await transcribe_recording(engine, recording)
                await asyncio.to_thread(
                    write, transcript, form, target, source_of(recording, engine), len(files) > 1
                )
                if not transcript.utterances:
                    side().print(f"No speech was heard in {path}", markup=False)
            except (CallscribeError, OSError) as error:
                trouble = error.message if isinstance(error, CallscribeError) else str(error)
            if trouble:
                complain(trouble)
                good = False
    finally:
        await engine.close()
    return good


async def _ready_engine(settings: Settings) -> WhisperTranscriptionService:
    """The local engine with its model loaded."""
    with byte_progress() as progress:
        folder = await asyncio.to_thread(
            resolve_model,
            settings.whisper_model,
            settings.data_dir / "models",
            progress=progress,
        )
    # Capacity is for servers: a recording has two legs at most, and is waited for.
    engine = WhisperTranscriptionService(
        lambda: folder, threads=settings.whisper_threads, max_legs=max(settings.max_legs, 16)
    )
    with side().status("loading the model"):
        await engine.start()
    return engine


def source_of(recording: Recording, engine: WhisperTranscriptionService) -> Source:
    """What the formats that have a place for it say of a recording, written down just now."""
    return Source(
        created=datetime.now(UTC),
        duration=recording.media.duration or 0.0,
        speakers=tuple(speaker for speaker, _ in recording.legs),
        models=(Model(engine.name, engine.model),),
    )


def write(
    transcript: Transcript, form: str, path: Path | None, source: Source, heading: bool
) -> None:
    """Writes a transcript to standard output (None) or a file; ``OSError`` if that cannot be."""
    text = export(transcript, form, source)
    if path is None:
        if heading and form == "text":
            typer.echo(f"== {transcript.session_id}")
        typer.echo(text, nl=False)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    side().print(str(path), markup=False)
