"""``callscribe call``: audio files ring at a server that runs, as a telephone or as browsers.

May import ``demo``, ``media`` and the rest of ``cli``.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import re
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from callscribe.cli.live import CallScreen, line_text
from callscribe.cli.output import read_settings, screen, side
from callscribe.cli.serve import page_address
from callscribe.cli.spoken import known_language
from callscribe.cli.stage import Stage
from callscribe.cli.view import CallView
from callscribe.demo.absence import LIMIT, Absence
from callscribe.demo.client import Client
from callscribe.demo.measure import LiveMeasure
from callscribe.demo.telephone import TRACKS, Telephone
from callscribe.errors import ConfigurationError, EngineError, MediaError, reason_of
from callscribe.media import Int16Array, open_media
from callscribe.settings import Settings
from callscribe.wire.browser import NAME, Start
from callscribe.wire.twilio import RATE as TELEPHONE_RATE

BROWSER_RATE = 16_000
SPEAKERS = ("technician", "agent")
"""Who speaks in the first file and in the second, in browsers."""


class Way(enum.StrEnum):
    """How the call comes in."""

    TWILIO = "twilio"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Voice:
    """One channel of a file."""

    samples: Int16Array
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def call(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Audio files: one for each side, or one with a side on each channel.",
            show_default=False,
        ),
    ],
    way: Annotated[
        Way, typer.Option("--as", help="As a call of Twilio's, or as a browser for each speaker.")
    ] = Way.TWILIO,
    server: Annotated[
        str | None,
        typer.Option(help="Address of the server. Default: that of CALLSCRIBE_HOST and _PORT."),
    ] = None,
    lang: Annotated[
        str, typer.Option(help="Language of the call: fr, en, … Default: as the server has it.")
    ] = "",
    speakers: Annotated[
        str, typer.Option(help="Names with commas, for browsers; Twilio's are the server's.")
    ] = ",".join(SPEAKERS),
    speed: Annotated[
        float, typer.Option(min=0.25, max=4.0, help="How fast it is played; 1 is as spoken.")
    ] = 1.0,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait for a server that goes away meanwhile.")
    ] = LIMIT,
) -> None:
    """Play audio files into a running server at the pace of life, and watch the text come.

    As Twilio, the first file is who calls in, the second who is called: the request is signed, the
    stream comes as mu-law in packets of 20 ms, as from a real number. Server and command need the
    same CALLSCRIBE_TWILIO_AUTH_TOKEN; for a try, any word will do.

    A server that dies in mid-call and comes back goes on in the same session: browsers send what
    they have kept, a telephone begins a new stream with what is spoken then.

    For example:

    - `CALLSCRIBE_TWILIO_AUTH_TOKEN=try callscribe serve`, then elsewhere
    - `CALLSCRIBE_TWILIO_AUTH_TOKEN=try callscribe call technician.wav agent.wav`
    - `callscribe call stereo.mp3 --as browser --lang en`
    - `callscribe call hello.flac --server https://calls.example.com`
    """
    settings = read_settings()
    base = server or page_address(settings.host, settings.port, "")
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", base):
        raise ConfigurationError(
            f"{base} is no address of a server; say for example http://127.0.0.1:8000"
        )
    if lang:
        known_language(lang)  # before there is a call of it
    rate = TELEPHONE_RATE if way is Way.TWILIO else BROWSER_RATE
    with side().status("reading the files"):
        voices = [voice for path in files for voice in read_voices(path, rate)]
    keys = settings.api_keys
    client = Client("", 0, keys[0].get_secret_value() if keys else None, base=base)
    played = Played(client, max(voice.seconds for voice in voices), speed, wait)
    try:
        if way is Way.TWILIO:
            asyncio.run(played.by_telephone(settings, tracks(voices), lang))
        else:
            asyncio.run(played.by_browser(legs(voices, speakers.split(",")), lang))
    except OSError as error:
        raise EngineError(
            f"there is no server at {base} ({reason_of(error)}): callscribe serve"
        ) from error


class Played:
    """One run of the command."""

    def __init__(self, client: Client, seconds: float, speed: float, wait: float) -> None:
        self._client, self._speed = client, speed
        self._console = screen()
        self._view = CallView([])
        self._absence = Absence(self._view.notices.append, wait)
        self._screen = CallScreen(self._console, self._view, "Call", seconds)

    async def by_telephone(
        self, settings: Settings, sides: Mapping[str, Int16Array], language: str
    ) -> None:
        """As Twilio: both sides on one stream."""
        secret = settings.twilio_auth_token
        if secret is None:
            raise ConfigurationError(
                "CALLSCRIBE_TWILIO_AUTH_TOKEN is not set: server and command need the same one, "
                "for a try any word; or play it --as browser"
            )
        token = secret.get_secret_value()
        telephone = Telephone(self._client, token, settings.public_url)
        answer = await telephone.ring(language)
        stage = self._stage(1)
        part = telephone.play(answer, sides, stage.ready, speed=self._speed, absence=self._absence)
        await self._run(stage, telephone.session_id, [part])

    async def by_browser(self, sides: Mapping[str, Voice], language: str) -> None:
        """As browsers: a socket for each speaker."""
        session = f"call-{uuid.uuid4().hex[:12]}"
        stage = self._stage(len(sides))
        parts = [
            self._client.play(
                Start(session, speaker, voice.rate, language=language),
                voice.samples,
                stage.ready,
                speed=self._speed,
                absence=self._absence,
            )
            for speaker, voice in sides.items()
        ]
        await self._run(stage, session, parts)

    def _stage(self, parts: int) -> Stage:
        measure = LiveMeasure(self._speed)
        return Stage(self._screen, self._view, measure, parts, self._speed, self._absence)

    async def _run(
        self, stage: Stage, session: str, parts: Sequence[Coroutine[Any, Any, object]]
    ) -> None:
        try:
            await self._client.call("POST", "/api/sessions", {"session_id": session})
        except BaseException:
            for part in parts:
                part.close()  # it never begins
            raise
        side().print(f"Watch it in a browser too: {self._client.http}/calls/{session}")
        try:
            await stage.run(self._client, session, parts)
        except BaseException:
            with contextlib.suppress(Exception):
                await self._client.call("POST", f"/api/sessions/{session}/end")
            raise
        if self._console.is_terminal:  # elsewhere the lines have been printed one by one
            for line in self._view.lines():
                self._console.print(line_text(line, self._view.speakers))
        for speaker, seconds in self._view.unheard.items():
            self._console.print(
                f"{seconds:.0f} s of {speaker} were not heard.", style="yellow", markup=False
            )
        if not any(self._view.lines()):
            raise EngineError("the server has understood no word of it; is it speech, and --lang?")


def read_voices(path: Path, rate: int) -> list[Voice]:
    """The sides of a call that are in a file, at ``rate`` Hz; blocking. ``MediaError``."""
    media = open_media(path)
    blocks = list(media.blocks(rate=rate))
    if not blocks:
        raise MediaError(f"there is no sound in {path}")
    whole = np.concatenate(blocks, axis=1)
    if media.has_separate_speakers():
        return [Voice(channel, rate) for channel in whole]
    mixed = whole if len(whole) == 1 else whole.mean(axis=0, dtype=np.float32)[None]
    return [Voice(np.asarray(mixed[0], np.int16), rate)]


def tracks(voices: Sequence[Voice]) -> dict[str, Int16Array]:
    """The voices as the tracks of a telephone call."""
    if len(voices) > len(TRACKS):
        raise ConfigurationError(
            f"a telephone call has two sides, not {len(voices)}; with --as browser it may have more"
        )
    return {track: voice.samples for track, voice in zip(TRACKS, voices, strict=False)}


def legs(voices: Sequence[Voice], names: Sequence[str]) -> dict[str, Voice]:
    """The voices by speaker."""
    more = [f"speaker-{number}" for number in range(len(names) + 1, len(voices) + 1)]
    speakers = [*(name.strip() for name in names), *more][: len(voices)]
    for name in speakers:
        if not NAME.fullmatch(name) or speakers.count(name) > 1:
            raise ConfigurationError(
                f"{name!r} cannot be a speaker's name here: up to 64 letters, digits and _ . : -, "
                "each name once"
            )
    return dict(zip(speakers, voices, strict=True))
