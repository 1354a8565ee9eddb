"""The proxy: takes connections, opens each one's other half, and lets the schedule have its way.

May import ``errors`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from asyncio import StreamReader, StreamWriter, Task
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

import structlog

from callscribe.chaos.faults import Fault, parse_fault
from callscribe.chaos.heads import (
    Request,
    encode_refusal,
    parse_upstream,
    read_answer,
    read_request,
)
from callscribe.chaos.relay import Happening, Relay, Tell
from callscribe.chaos.schedule import Plan, Schedule
from callscribe.chaos.sides import Side, dial, hang_up, send_off, until_left
from callscribe.errors import ConfigurationError, ProtocolError

ANSWER: Final = 60.0
"""Seconds that the server behind may take to answer an upgrade."""

KEPT: Final = 10_000
"""Happenings that are remembered."""

_log = structlog.get_logger(__name__)


class ChaosProxy:
    """Stands between a client and a server of Deepgram's protocol while an ``async with`` lasts.

    ``faults`` are written as in ``chaos.faults``. ``tell`` is called with each happening, on the
    event loop. ``ConfigurationError`` for an address or a fault that is none.
    """

    def __init__(
        self,
        upstream: str,
        faults: Iterable[str | Fault] = (),
        *,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        tell: Callable[[Happening], None] = lambda _: None,
    ) -> None:
        self.happenings: deque[Happening] = deque(maxlen=KEPT)
        """What has happened so far."""
        self.connections = 0
        """Upgrades and requests that have come so far."""
        self._upstream = parse_upstream(upstream)
        self._schedule = Schedule(
            [parse_fault(fault) if isinstance(fault, str) else fault for fault in faults], seed
        )
        self._host = host
        self._port = port
        self._tell = tell
        self._server: asyncio.Server | None = None
        self._began: float | None = None
        """When the first connection came, on the loop's clock."""
        self._tasks: set[Task[Any]] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._server is None:
            raise RuntimeError("the proxy is used within async with")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def ws(self) -> str:
        """The address for sockets."""
        return f"ws://{self._authority}"

    @property
    def http(self) -> str:
        """The address for requests."""
        return f"http://{self._authority}"

    @property
    def _authority(self) -> str:
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise ConfigurationError(
                f"port {self._port} on {self._host} is taken by another program; choose another "
                "(0 takes a free one)"
                if taken
                else f"cannot listen on {self._host}:{self._port}: {error.strerror}"
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)  # for one that was just taken to begin
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            await asyncio.sleep(0)  # for sockets that were cut off to close

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection of a client."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        self._tasks.add(task)
        client = Side(reader, writer)
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.callback(writer.transport.abort)
                await self._converse(client, stack)
                await hang_up(client)
        except asyncio.CancelledError:
            pass  # the proxy closes; asyncio's server takes a cancelled task for a broken one
        except Exception:  # noqa: BLE001 - the last stop; other connections go on
            _log.exception("chaos_failed")
        finally:
            self._tasks.discard(task)

    async def _converse(self, client: Side, stack: contextlib.AsyncExitStack) -> None:
        try:
            request = await read_request(client.reader)
        except ProtocolError as error:
            await _refuse(client, 400, error.message)
            return
        if request is None:
            return
        self.connections += 1
        plan = self._schedule.plan(self.connections, self._second())
        tell = self._teller(self.connections)
        tell(0.0, f"{request.method} {request.path}{' (socket)' if request.upgrade else ''}", None)
        if plan.opening is not None and not await _held(client, plan.opening, tell):
            return
        if plan.refusal is not None:
            status = int(plan.refusal.argument)
            tell(0.0, f"refused with {status}", plan.refusal)
            await _refuse(client, status, f"refused by callscribe chaos ({plan.refusal})")
            return
        await self._connect(client, request, plan, tell, stack)

    async def _connect(
        self,
        client: Side,
        request: Request,
        plan: Plan,
        tell: Tell,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        try:
            server = await dial(self._upstream)
            stack.callback(server.writer.transport.abort)
            server.writer.write(request.encode(self._upstream))
            relay = Relay(client, server, plan, tell)
            if request.upgrade:
                async with asyncio.timeout(ANSWER):
                    status, head = await read_answer(server.reader)
                client.writer.write(head)
                if status == 101:
                    relay.speak_frames()
        except (OSError, TimeoutError, ProtocolError) as error:
            problem = f"the server behind cannot be reached ({type(error).__name__}: {error})"
            tell(0.0, problem, None)
            await _refuse(client, 502, problem)
            return
        await relay.run()

    def _second(self) -> float:
        """Seconds since the first connection came."""
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        return now - self._began

    def _teller(self, connection: int) -> Tell:
        def tell(second: float, what: str, fault: Fault | None) -> None:
            happening = Happening(connection, second, what, fault)
            self.happenings.append(happening)
            self._tell(happening)

        return tell


async def _held(client: Side, fault: Fault, tell: Tell) -> bool:
    """Lets an opening wait; whether it goes on."""
    tell(0.0, "the opening waits", fault)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(fault.lasting):
            await until_left(client)
            return False
    return True


async def _refuse(client: Side, status: int, message: str) -> None:
    client.writer.write(encode_refusal(status, message)[0])
    await send_off(client)
