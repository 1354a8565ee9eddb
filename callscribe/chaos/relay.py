"""One connection through the proxy, from its opening to its end, and what befalls it on the way.

May import ``errors`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from callscribe.chaos.faults import Fault
from callscribe.chaos.flow import Flow
from callscribe.chaos.messages import Frames, close_frame
from callscribe.chaos.schedule import Event, Plan
from callscribe.chaos.sides import Side, discard, hang_up, send_off
from callscribe.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to a connection: a fault, or its beginning and end where there is none."""

    connection: int
    """Counted from 1."""
    second: float
    """Since the upgrade was answered, or the request came."""
    what: str
    """In words, without keys, queries or speech."""
    fault: Fault | None = None


Tell = Callable[[float, str, Fault | None], None]


class Relay:
    """Carries bytes both ways and does to them what the plan says. Used once."""

    def __init__(self, client: Side, server: Side, plan: Plan, tell: Tell) -> None:
        self._client = client
        self._server = server
        self._plan = plan
        self._tell = tell
        self._up = Flow(client.reader, server.writer)
        self._down = Flow(server.reader, client.writer)
        self._frames: Frames | None = None
        self._over = asyncio.Event()
        self._end: Callable[[], Awaitable[None]] = self._part
        self._began = 0.0

    def speak_frames(self) -> None:
        """From here on both sides send WebSocket frames."""
        self._frames = Frames(masked=False, garbled=self._garbled)
        self._up.cutter = Frames(masked=True, garbled=self._garbled)
        self._down.cutter = self._frames

    async def run(self) -> None:
        """Until both sockets are closed."""
        self._began = asyncio.get_running_loop().time()
        async with TaskGroup() as tasks:
            going = [tasks.create_task(self._befall())]
            await asyncio.sleep(0)  # what happens at second 0 comes before the first byte
            going += [
                tasks.create_task(self._carry(self._up, "client", patient=False)),
                tasks.create_task(self._carry(self._down, "server", patient=True)),
            ]
            await self._over.wait()
            for task in going:
                task.cancel()
        await self._end()

    @property
    def _second(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _carry(self, flow: Flow, name: str, *, patient: bool) -> None:
        try:
            await flow.run(patient=patient)
        except* ProtocolError as group:
            problem = group.exceptions[0]
            self._finish(f"the {name} broke the protocol: {problem}", self._drop)
        else:
            how = "broke off" if flow.was_reset else "left"
            answered = flow is self._down and flow.has_begun and not flow.was_reset
            what = (
                "the answer has ended" if answered and self._frames is None else f"the {name} {how}"
            )
            self._finish(what, self._part)

    async def _befall(self) -> None:
        async with TaskGroup() as spells:
            for event in self._plan.events:
                if (wait := event.second - self._second) > 0:
                    await asyncio.sleep(wait)
                self._begin(event, spells)

    def _begin(self, event: Event, spells: TaskGroup) -> None:
        match event.fault.kind:
            case "drop":
                self._finish("the connection is reset", self._drop, event.fault)
            case "half-open":
                self._finish("the server is gone and says nothing", self._vanish, event.fault)
            case "stall":
                spells.create_task(self._stall(event.fault))
            case "delay":
                spells.create_task(self._delay(event))
            case "garble" if self._frames is not None:
                self._frames.garble(event)
            case "close" if self._frames is not None:
                code = int(event.fault.argument)
                self._finish(f"the client is sent {code}", lambda: self._close(code), event.fault)

    async def _stall(self, fault: Fault) -> None:
        flow, to = (self._up, "server") if fault.argument == "up" else (self._down, "client")
        self._tell(self._second, f"the {to} gets no messages{_lasting(fault)}", fault)
        with flow.messages.shut():
            await _spell(fault)
        self._tell(self._second, f"the {to} gets messages again", fault)

    async def _delay(self, event: Event) -> None:
        low, _, high = event.fault.argument.partition("-")
        random = Random(event.draw)  # noqa: S311 - no secret

        def seconds() -> float:
            return random.uniform(int(low), int(high or low)) / 1000

        what = f"everything takes {event.fault.argument} ms longer{_lasting(event.fault)}"
        self._tell(self._second, what, event.fault)
        with self._up.slowed(seconds), self._down.slowed(seconds):
            await _spell(event.fault)
        self._tell(self._second, "everything takes no longer", event.fault)

    def _garbled(self, event: Event) -> None:
        self._tell(self._second, "a message arrives broken", event.fault)

    def _finish(
        self, what: str, end: Callable[[], Awaitable[None]], fault: Fault | None = None
    ) -> None:
        """The first reason to end is the one that counts."""
        if not self._over.is_set():
            self._tell(self._second, what, fault)
            self._end = end
            self._over.set()

    async def _part(self) -> None:
        """What one side did is done to the other."""
        await hang_up(self._server, reset=self._up.was_reset)
        await hang_up(self._client, reset=self._down.was_reset)

    async def _drop(self) -> None:
        await hang_up(self._client, reset=True)
        await hang_up(self._server, reset=True)

    async def _vanish(self) -> None:
        await hang_up(self._server, reset=True)
        await discard(self._client)
        await hang_up(self._client, reset=True)

    async def _close(self, code: int) -> None:
        with contextlib.suppress(OSError):
            self._client.writer.write(close_frame(code))
            await self._client.writer.drain()
        await hang_up(self._server)
        await send_off(self._client)
        await hang_up(self._client)


async def _spell(fault: Fault) -> None:
    """As long as a fault lasts."""
    if fault.lasting is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(fault.lasting)


def _lasting(fault: Fault) -> str:
    return "" if fault.lasting is None else f" for {fault.lasting:g} s"
