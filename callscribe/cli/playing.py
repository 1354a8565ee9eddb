"""A recording played at the pace of life through the live engine, shown as it is written down.

May import ``service``, ``bus``, ``recordings`` and ``live``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from callscribe.bus import create_bus
from callscribe.cli.live import CallScreen
from callscribe.cli.output import side
from callscribe.cli.recordings import Recording
from callscribe.cli.view import CallView
from callscribe.demo.measure import LiveMeasure
from callscribe.engines.base import TranscriptionEngine
from callscribe.errors import MediaError
from callscribe.media import Int16Array, select
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings, TranscriptionConfig
from callscribe.transcript import Transcript

FRAME = 0.1
"""Seconds of audio handed over at a time."""

RATES = (8_000, 16_000)
"""Rates that go in as they are; others are brought to the second."""


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A configuration that stays."""

    current: TranscriptionConfig


async def play_live(
    settings: Settings, engine: TranscriptionEngine, recording: Recording
) -> tuple[Transcript, str]:
    """The transcript, and what was wrong with the file's end (empty: nothing)."""
    config = TranscriptionConfig.model_validate(
        {
            "transcription_backend": "whisper",
            "transcription_language": recording.job.language,
            "keyterms": recording.job.keyterms,
        }
    )
    bus = create_bus()
    service = EnhancedTranscriptionService(
        settings, engines={"whisper": engine}, bus=bus, configuration=_Fixed(config)
    )
    try:
        async with service:
            session = await service.initialize_session()
            trouble = await _Player(service, session, recording).run()
            said = await service.end_session(session)
    finally:
        await bus.close()
    return Transcript(recording.name, said.utterances), trouble


class _Player:
    """Plays one recording into a session and shows what comes back."""

    def __init__(
        self, service: EnhancedTranscriptionService, session: str, recording: Recording
    ) -> None:
        self._service, self._session, self._recording = service, session, recording
        self._measure = LiveMeasure()
        self._view = CallView([speaker for speaker, _ in recording.legs])
        self._begun = 0.0

    async def run(self) -> str:
        """Plays to the end; what was wrong with the file's end."""
        media = self._recording.media
        loop = asyncio.get_running_loop()
        self._begun = loop.time()
        with CallScreen(side(), self._view, media.path.name, media.duration) as shown:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(shown))
                drawing = tasks.create_task(self._draw(shown))
                trouble = await self._play()
                await self._service.end_session(self._session)
                await watching
                drawing.cancel()
        return trouble

    async def _play(self) -> str:
        """Hands over the sound of all legs, each piece when it has been spoken."""
        media = self._recording.media
        rate = media.sample_rate if media.sample_rate in RATES else RATES[1]
        for speaker, _ in self._recording.legs:
            self._measure.begin(speaker, self._begun)
        source = media.blocks(rate=rate, seconds=FRAME)
        samples = 0
        try:
            while (block := await asyncio.to_thread(next, source, None)) is not None:
                samples += block.shape[1]
                spoken = self._begun + samples / rate
                await asyncio.sleep(spoken - asyncio.get_running_loop().time())
                await self._hand_over(block, rate)
        except MediaError as error:
            if error.code != "truncated_media":
                raise
            return error.message
        return ""

    async def _hand_over(self, block: Int16Array, rate: int) -> None:
        for speaker, channel in self._recording.legs:
            audio = select(block, channel).astype("<i2").tobytes()
            await self._service.process_audio_stream(
                self._session, speaker, audio, sample_rate=rate
            )

    async def _watch(self, shown: CallScreen) -> None:
        loop = asyncio.get_running_loop()
        async for event in self._service.subscribe(self._session):
            body = event.to_dict()
            line = self._view.apply(body, self._measure.apply(body, loop.time()))
            if line is not None:
                shown.finished(line)

    async def _draw(self, shown: CallScreen) -> None:
        while True:
            shown.refresh(asyncio.get_running_loop().time() - self._begun)
            await asyncio.sleep(0.1)
