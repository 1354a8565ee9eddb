"""A service on clocks that a test moves by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from callscribe.bus.local import LocalBus
from callscribe.events import Event
from callscribe.service import EnhancedTranscriptionService
from callscribe.session import Session, TranscriptSink
from callscribe.settings import Settings, TranscriptionConfig
from tests.engines_for_tests import EnergyEngine


@dataclass
class Clock:
    """Both clocks of a service: UNIX time is ``1000 + now``."""

    now: float = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1000.0 + self.now

    async def advance(self, seconds: float, *sessions: Session) -> None:
        """Lets time pass and has sessions look at the clock, as a timer would."""
        self.now += seconds
        for session in sessions:
            session._changed.set()
        for _ in range(10):
            await asyncio.sleep(0)


@dataclass
class Configured:
    current: TranscriptionConfig = field(
        default_factory=lambda: TranscriptionConfig.model_validate(
            {"transcription_backend": "whisper"}
        )
    )


@dataclass
class Calls:
    """A service with its surroundings."""

    service: EnhancedTranscriptionService
    engine: EnergyEngine
    clock: Clock
    bus: LocalBus
    configuration: Configured

    def events(self, session_id: str) -> list[Event]:
        return self.bus.history(session_id)

    def types(self, session_id: str) -> list[str]:
        return [event.type for event in self.events(session_id)]

    async def session(self) -> Session:
        return self.service.session(await self.service.initialize_session())


@asynccontextmanager
async def calls(sinks: Sequence[TranscriptSink] = (), **settings: object) -> AsyncIterator[Calls]:
    """A running service: 30 s of grace, 300 s of idleness, the engine that hears tones."""
    clock, bus, engine, configured = Clock(), LocalBus(), EnergyEngine(), Configured()
    service = EnhancedTranscriptionService(
        Settings.model_validate(settings),
        engines={"whisper": engine},
        bus=bus,
        configuration=configured,
        sinks=sinks,
        clock=clock.wall,
        monotonic=clock.monotonic,
    )
    async with service:
        yield Calls(service, engine, clock, bus, configured)
