"""One leg's way into whichever engine listens: the sockets and tasks around ``core``.

May import ``audio``, ``engines.base``, ``engines.lane``, ``engines.telling``,
``errors``, ``flag``, ``transcript`` and its own room.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from callscribe.audio import WIDTH
from callscribe.engines.base import (
    Doubtful,
    EngineEvent,
    Listening,
    Lost,
    TakenOver,
    TranscriptCallback,
    Unheard,
)
from callscribe.engines.lane import Lane
from callscribe.engines.resilient.actions import Action, Drop, Finalize, Line, Open, Tell
from callscribe.engines.resilient.ask import Ask, caveat
from callscribe.engines.resilient.core import Core
from callscribe.engines.resilient.mending import Mender
from callscribe.engines.resilient.onset import Onset
from callscribe.engines.resilient.quiet import Pauses
from callscribe.engines.resilient.repair import MARGIN, Repairs
from callscribe.engines.resilient.rules import Patience, Rung
from callscribe.engines.resilient.seeking import SilenceSearch
from callscribe.engines.resilient.tape import Tape
from callscribe.engines.resilient.ways import Ways
from callscribe.engines.telling import EngineTeller
from callscribe.errors import CallscribeError, CapacityError, EngineError, UpstreamError
from callscribe.flag import Flag
from callscribe.transcript import Result

CLOSING: Final = 35.0
"""Seconds that ``close`` takes at most; what no engine has heard by then is a gap."""

PATIENCE: Final = 2.0
"""Seconds that a leg waits at its beginning for an engine that listens."""
AWAY: Final = 10.0
"""Seconds that an engine is waited for when the leg has ended and none listens."""
LOOK: Final = 0.02
"""Seconds between two looks at whether a leg that ends has been heard to its end."""
REPAIRING: Final = 30.0
"""Seconds that gaps are repaired for when the leg has ended; what is left then stays a gap."""

_log = structlog.get_logger(__name__)


class ResilientConnection:
    """Takes one leg's audio, whoever listens; made by ``ResilientEngine``."""

    def __init__(
        self,
        rungs: Sequence[Rung],
        ask: Ask,
        on_transcript: TranscriptCallback,
        patience: Patience,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        repairers: Sequence[Rung] = (),
        onset: Onset | None = None,
    ) -> None:
        self._ask = ask
        self._width = WIDTH[ask.options.encoding]
        self._monotonic = monotonic
        self._tape = Tape(
            ask.sample_rate, self._width, memory=patience.in_memory, most=patience.kept
        )
        pauses = Pauses(self._tape, ask.sample_rate, ask.options.encoding)
        self._core = Core(
            rungs,
            ask.sample_rate,
            patience,
            jitter,
            quiet=pauses.near,
            lull=pauses.is_before,
            interims=ask.options.interim_results,
        )
        self._teller = EngineTeller(on_transcript, ask.session_id)
        self.lane = Lane(self._note_sent)
        """How audio that nothing is in the way of gets to who listens; see ``Swift``."""
        self._wake = Flag()
        self._silence = SilenceSearch(onset, self._core, self._tape, ask.options, self._wake.set)
        self._mender = Mender(
            Repairs(repairers, ask.sample_rate, patience, jitter, pauses.near),
            self._tape,
            partial(ask.enter, streaming=False),
            self._teller.put,
            self._wake.set,
            monotonic,
            self._core.voices,
            caveat(ask.options.query),
        )
        self._ways = Ways(rungs, ask, self)
        self._changed = Flag()
        """Who listens, or how far, may have changed."""
        self._closing = Flag()
        self._ended = False
        self._let_go_at = -1
        """Up to which sample all was settled when audio was let go last."""
        self._shut = False
        """It takes no more audio."""
        self._log = _log.bind(session=ask.session_id)
        # The one task of a leg here; it owns those that open, feed and leave engines.
        self._task = asyncio.create_task(self._run(), name=f"resilient-{ask.session_id}")

    @property
    def is_connected(self) -> bool:
        """True until ``close``; even where nobody listens what is said is kept, as a gap."""
        return not self._shut

    @property
    def callback_errors(self) -> int:
        """How often the callback raised; each is logged, none ends the stream."""
        return self._teller.errors

    async def begin(self) -> None:
        """Waits until an engine listens; the error of the last one when none ever will."""
        while self._core.active is None:
            self._changed.clear()
            error = self._core.turned_down
            if error is not None:
                raise error
            if self._core.is_away(self._monotonic(), PATIENCE):
                break  # one is tried again soon, and what is said is kept
            await self._changed.wait()
        self._core.begun = True
        self._wake.set()

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding, any whole number of samples."""
        if not self.is_connected:
            raise EngineError("this leg is closed; open a new one to send audio")
        if not audio:
            return
        self.lane.settle()
        self._tape.append(audio)
        line = self._core.audio(len(audio) // self._width)
        if line is None or self._tape.is_heavy:
            self._wake.set()
        if line is not None:
            await self._ways.send(line, audio)

    def _note_sent(self, audio: bytes, _since: float, _now: float) -> None:
        """Notes what has gone to who listens by the lane."""
        self._tape.append(audio)
        self._core.audio(len(audio) // self._width)
        if self._tape.is_heavy:
            self._wake.set()

    async def finalize(self) -> None:
        """Asks whoever listens for a final of what has been heard so far."""
        way = self._ways.of(self._core.active)
        if way is not None and self.is_connected:
            await way.finalize()

    async def set_keyterms(self, keyterms: tuple[str, ...]) -> None:
        """Replaces the words to expect where the engine that listens can do that."""
        teach = getattr(self._ways.of(self._core.active), "set_keyterms", None)
        if teach is not None:
            await teach(keyterms)

    async def close(self) -> None:
        """Ends the leg; waits, ``CLOSING`` s at most, until all of it is heard or said to be lost.

        Then, ``REPAIRING`` s at most, for gaps that may still be repaired. Idempotent. In the
        callback it returns at once.
        """
        self._shut = True
        self.lane.follow(None)
        self._closing.set()
        if not self._teller.is_inside:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._ways.begin(self._tasks)
                ticking = self._tasks.create_task(self._tick())
                await self._closing.wait()
                try:
                    async with asyncio.timeout(CLOSING):
                        await self._finish()
                except TimeoutError:
                    self._log.warning("leg_not_heard_to_the_end")
                finally:
                    self._ended = self._shut = True
                    ticking.cancel()
                    self._do(self._core.give_up())
                try:
                    async with asyncio.timeout(REPAIRING):
                        await self._mender.finish(self._tasks)
                except TimeoutError:
                    self._log.warning("gaps_not_repaired")
        finally:
            self._tape.close()
            await self._teller.close(CLOSING)

    async def _finish(self) -> None:
        """Has the audio heard to its end, by the next engine where one is lost meanwhile."""
        while not self._ended:
            self._changed.clear()
            line = self._core.active
            if line is not None and self._core.is_caught_up:
                if await self._ways.close(line) and line is self._core.active:
                    self._do(self._core.completed(line))
                    return
            elif self._core.hopeless is not None or self._core.settled == self._core.received:
                return
            elif self._core.is_away(self._monotonic(), AWAY):
                self._log.warning("leg_not_heard_to_the_end")
                return
            else:
                self._wake.set()
                await self._changed.wait()
                await asyncio.sleep(LOOK)

    async def _tick(self) -> None:
        """Does what time makes due."""
        while True:
            now = self._monotonic()
            deadline = self._core.deadline(now)
            times = [deadline, self._mender.deadline]
            deadline = min((at for at in times if at is not None), default=None)
            try:
                async with asyncio.timeout(None if deadline is None else max(deadline - now, 0.0)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                if self._tape.is_heavy:
                    await self._tape.spill()
                self.lane.settle()
                self._do(self._core.tick(self._monotonic()))
                self._let_go()  # a repair may have ended
                await self._feed()
                self._silence.seek_pauses(self._tasks)
                self._lead()
                self._mender.look(self._tasks, calm=self._core.is_caught_up)
                self._changed.set()
            except Exception:  # noqa: BLE001 - a bug here must not end the call
                self._log.exception("resilient_failed")
                await asyncio.sleep(1.0)

    async def _feed(self) -> None:
        """Sends kept audio that is due. What comes meanwhile is kept too, and keeps its place."""
        while (due := self._core.due(self._monotonic())) is not None:
            line, start, end = due
            end = min(end, start + self._ask.sample_rate)
            if not await self._ways.send(line, self._tape.read(start, end)):
                return
            self._core.fed(line, end)

    # --- what the ways tell --------------------------------------------------------------------

    def opened(self, line: Line) -> None:
        """A connection is open."""
        self.lane.settle()
        self._do(self._core.opened(line, self._monotonic()))
        self._wake.set()

    def shown(self, line: Line, result: Result) -> bool:
        """An engine shows words; true where that is for ``heard``."""
        told = self._core.shown(line, result)
        if told is None:
            return True
        if self._core.opening:
            self._wake.set()  # as behind all that is heard
        return self._teller.put(told)

    def heard(self, line: Line, event: EngineEvent) -> Awaitable[None] | None:
        """An engine says something about the leg; it waits where very much is still to be told."""
        if isinstance(event, Lost):
            self.failed(line, event.error)
            return None
        if line is not self._core.active or not isinstance(event, Result) or event.is_final:
            self.lane.settle()  # else it is only shown, and nothing is decided
        if isinstance(event, Doubtful):
            now = self._monotonic()
            if line is self._core.active and event.error is not None:
                self._silence.seek(self._tasks, now)
            self._do(self._core.doubted(line, event.error, now))
            self._wake.set()
            return None
        core = self._core
        before = core.active
        actions = core.heard(line, event, self._monotonic())
        if core.active is before:  # nearly always: there is something to tell, and no more
            for action in actions:
                assert type(action) is Tell  # noqa: S101 - all else comes with another line
                self._tell(action.event)
            self._keep_less()
        else:
            self._do(actions)
            if before is not None and before.doubt is not None:
                self._log_lost(before, before.doubt)  # another one had words first
        if core.opening:
            self._wake.set()  # it may have been the end of an utterance
        return self._teller.room() if self._teller.is_full else None

    def waits(self, line: Line, error: CapacityError) -> None:
        """An engine is full, and others may be asked."""
        name = self._core.rungs[line.rung].name
        self._log.info("engine_full", engine=name, code=error.code)
        self.lane.settle()
        self._do(self._core.waits(line, error, self._monotonic()))
        self._wake.set()

    def failed(self, line: Line, error: CallscribeError) -> None:
        """A connection could not be opened, or has ended by itself."""
        self.lane.settle()
        self._ways.forget(line)
        if line is self._core.spare:  # somebody listens
            self._log.info("spare_lost", code=error.code, problem=error.message)
        else:
            self._log_lost(line, error)
        now = self._monotonic()
        if self._core.active in (
            None,
            line,
        ):  # first: who is there already is given the leg at once
            self._silence.seek(self._tasks, now)
        self._do(self._core.failed(line, error, now))
        self._wake.set()

    # --- inside -------------------------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        """Does what the core decided, in its order; nothing here waits."""
        for action in actions:
            if type(action) is Tell:
                self._tell(action.event)
            elif isinstance(action, Open):
                self._ways.open(action.line)
            elif isinstance(action, Drop):
                self._ways.drop(action.line)
            elif isinstance(action, Finalize):
                self._ways.finalize(action.line)
        self._lead()
        self._keep_less()

    def _keep_less(self) -> None:
        if self._core.settled != self._let_go_at or self._tape.is_heavy:
            self._let_go()
        self._changed.set()

    def _let_go(self) -> None:
        """Keeps no audio that nobody needs."""
        self._let_go_at = self._core.settled
        # A little of what is settled too: what is missed next may begin within a word.
        keep = self._core.needed_from - int(MARGIN * self._ask.sample_rate)
        needed = self._mender.needed_from
        self._tape.forget(keep if needed is None else min(needed, keep))
        self._core.kept_from = self._tape.first
        if self._tape.is_heavy:
            self._wake.set()

    def _log_lost(self, line: Line, error: CallscribeError) -> None:
        name = self._core.rungs[line.rung].name
        said = {"code": error.code, "problem": error.message}
        if isinstance(error, UpstreamError) and error.request_id:
            said["request_id"] = error.request_id
        self._log.warning("engine_lost", engine=name, **said)

    def _lead(self) -> None:
        """Opens or shuts the short way to who listens."""
        self.lane.follow(None if self._shut else self._core.lane)

    def _tell(self, event: EngineEvent) -> None:
        if type(event) is Result:  # nearly always
            self._teller.put(event)
            return
        line = self._core.active
        if isinstance(event, TakenOver) and line and not self._core.rungs[line.rung].provider:
            event = replace(event, caveat=caveat(self._ask.options.query))
        if isinstance(event, Unheard):
            self._mender.add(event)
            self._wake.set()
        elif isinstance(event, TakenOver | Listening):
            rungs = self._core.rungs
            self._mender.forgive(next(r.provider for r in rungs if r.name == event.engine))
        self._teller.put(event)
