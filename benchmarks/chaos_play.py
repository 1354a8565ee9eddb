"""One call through Callscribe and the chaos proxy to a server in Deepgram's place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.calls import Leg
from benchmarks.chaos_words import Placed, Span, placed
from benchmarks.machine import Bystanders
from benchmarks.upstream import Upstream
from callscribe.bus import create_bus
from callscribe.chaos import ChaosProxy, Happening
from callscribe.engines.base import TranscriptionEngine
from callscribe.engines.deepgram import DeepgramEngine
from callscribe.errors import CallscribeError
from callscribe.events import Event, FinalResult, Gap, InterimResult, LegStarted, Notice
from callscribe.leg import Attachment
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings, TranscriptionConfig

FRAME = 0.02


@dataclass(frozen=True)
class Scene:
    """What goes wrong in a call."""

    name: str
    faults: tuple[str, ...] = ()
    kill_at: float | None = None
    """When the server is killed, and at once started again (s)."""


@dataclass(frozen=True)
class Fixed:
    """A configuration that stays."""

    current: TranscriptionConfig


@dataclass
class HeardLeg:
    """What Callscribe made of one leg; seconds since its first sample."""

    leg: Leg
    words: list[Placed] = field(default_factory=list)
    text: str = ""
    shown: list[float] = field(default_factory=list)
    """When text came."""
    gaps: list[Span] = field(default_factory=list)
    closed_at: float | None = None
    """When no more audio was taken, and the caller told why."""
    notices: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Run:
    """One call, played once."""

    scene: Scene
    legs: list[HeardLeg]
    happenings: list[Happening]
    others: float
    """Per cent of a core that other processes took."""
    load: float
    """The machine's load average over a minute, at the end."""


async def play(
    legs: Sequence[Leg],
    scene: Scene,
    server: Upstream,
    local: TranscriptionEngine,
    fallback: tuple[str, ...],
    *,
    seed: int = 0,
    heard_once: bool = False,
    step: Callable[[float], None] = lambda _: None,
) -> Run:
    """Plays the legs at the pace of speech; ``step`` hears how many seconds went by.

    ``heard_once``: what is unsure is not heard again, which may hide what a fault cost.
    """
    others = Bystanders(os.getpid())
    config = TranscriptionConfig.model_validate(
        {
            "transcription_language": legs[0].call,
            "transcription_fallback": fallback,
            **({"unsure_below": {"*": 0.0}} if heard_once else {}),
        }
    )
    bus = create_bus()
    async with ChaosProxy(f"ws://127.0.0.1:{server.port}", scene.faults, seed=seed) as proxy:
        deepgram = DeepgramEngine("a-key-of-no-account", base_url=proxy.ws)
        engines = {"deepgram": deepgram, "whisper": local}
        service = EnhancedTranscriptionService(
            Settings(), engines=engines, bus=bus, configuration=Fixed(config)
        )
        try:
            async with service:
                heard = await _call(service, legs, scene, server, step)
        finally:
            await deepgram.close()
            await bus.close()
        happenings = [happening for happening in proxy.happenings if happening.fault]
    if scene.kill_at is not None:
        await asyncio.to_thread(server.wait)
    return Run(scene, heard, happenings, others.other_cpu_pct(), os.getloadavg()[0])


async def _call(
    service: EnhancedTranscriptionService,
    legs: Sequence[Leg],
    scene: Scene,
    server: Upstream,
    step: Callable[[float], None],
) -> list[HeardLeg]:
    loop = asyncio.get_running_loop()
    session = await service.initialize_session()
    events: list[tuple[float, Event]] = []
    note = events.append

    async def watch() -> None:
        async for event in service.subscribe(session):
            note((loop.time(), event))

    heard = [HeardLeg(leg) for leg in legs]
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        ways = [
            await service.open_leg(session, leg.speaker, sample_rate=leg.rate, language=leg.call)
            for leg in legs
        ]
        began = loop.time()
        if scene.kill_at is not None:
            tasks.create_task(_kill(server, scene.kill_at))
        ticking = tasks.create_task(_tick(step))
        sending = [
            tasks.create_task(_send(way, one, began)) for way, one in zip(ways, heard, strict=True)
        ]
        await asyncio.wait(sending)
        await service.end_session(session)
        ticking.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await watching
    for one in heard:
        gather(one, events, began)
    return heard


async def _send(way: Attachment, heard: HeardLeg, began: float) -> None:
    leg, loop = heard.leg, asyncio.get_running_loop()
    size = int(leg.rate * FRAME)
    for at in range(0, len(leg.samples), size):
        wait = began + (at + size) / leg.rate - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        try:
            await way.send(leg.samples[at : at + size].tobytes())
        except CallscribeError as error:
            heard.closed_at = at / leg.rate
            heard.notices.append((heard.closed_at, f"closed: {error.message}"))
            return


async def _kill(server: Upstream, after: float) -> None:
    await asyncio.sleep(after)
    await asyncio.to_thread(server.kill)
    server.start()


async def _tick(step: Callable[[float], None]) -> None:
    while True:
        await asyncio.sleep(1.0)
        step(1.0)


def gather(heard: HeardLeg, events: Sequence[tuple[float, Event]], began: float) -> None:
    """Reads a leg's words, gaps and notices out of a session's events."""
    finals: dict[str, FinalResult] = {}
    offset = 0.0
    for at, event in events:
        if getattr(event, "speaker", None) != heard.leg.speaker:
            continue
        if isinstance(event, LegStarted):
            offset = event.offset
        elif isinstance(event, InterimResult | FinalResult):
            if event.text:
                heard.shown.append(at - began)
            if isinstance(event, FinalResult):
                finals[event.utterance_id] = event
        elif isinstance(event, Gap):
            heard.gaps.append((event.start - offset, event.end - offset))
        elif isinstance(event, Notice):
            heard.notices.append((at - began, f"{event.code}: {event.message}"))
    ordered = sorted(finals.values(), key=lambda final: final.start)
    heard.text = " ".join(final.text for final in ordered)
    heard.words = placed(w.moved(-offset) for final in ordered for w in final.words)
