"""Decides what is decoded next, for all legs at once: one thread that listens, a few that decode.

The event loop only drops bytes into inboxes. The conductor's thread empties them (resampling, VAD),
puts windows of several legs together into one batch, and gives batches to decoder threads. Finals
come before interims; when there is too much to do, interims come less often, then finals are
decoded with less search. Nothing that was heard is dropped.

May import ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import structlog

from callscribe.engines.base import EngineEvent
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.engines.whisper.finals import (
    FINAL_BEAM,
    FINAL_PADDING,
    best_final,
    best_look,
    surest_final,
)
from callscribe.engines.whisper.jobs import Job
from callscribe.engines.whisper.stream import LegStream

log = structlog.get_logger(__name__)

SHORTEST_HOP: Final = 0.3
"""Seconds of new audio between two interims of a leg, at the least."""
REST: Final = 1.2
"""An interim batch that took t seconds is followed by the next after REST x t, at the least."""
LARGEST_BATCH: Final = 4
INTERIM_SECONDS: Final = 20.0
"""The most audio of a batch of interims: more legs take more batches, not more memory."""
AT_ONCE: Final = 1.0
"""Seconds of a leg's audio that are listened to before the next leg's turn."""
SAY_EVERY: Final = 0.1
"""Seconds of audio after which a leg is told how far it has been listened to."""
CROWDED: Final = 30.0
"""A leg with more seconds than this waiting says when half of it is left."""
LANGUAGE_SECONDS: Final = 1.5
BUSY: Final = 20.0
"""Seconds of utterances that wait for finals: from here on no second opinions."""
HURRY: Final = 30.0
"""The same per decoder thread: from here on finals are decoded with less search."""

Deliver = Callable[[list[EngineEvent]], None]
"""Takes a leg's results in order; called on the conductor's thread, must not block."""


class Seat:
    """A leg's place with the conductor: its inbox, and where its results go."""

    def __init__(
        self,
        stream: LegStream,
        deliver: Deliver,
        has_room: Callable[[], None] = lambda: None,
        listened: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.stream = stream
        self.deliver = deliver
        self.has_room = has_room
        """Called when little waits again after a lot did."""
        self.listened = listened
        """Called with the leg seconds that the VAD has heard, after what it found there."""
        self.said = 0.0
        """What it was called with last."""
        self.inbox: deque[tuple[bytes, float]] = deque()
        self.put = 0
        """Samples that came into the inbox; written by the event loop only."""
        self.taken = 0
        """Samples that were taken out; written by the conductor's thread only."""
        self.crowded = False
        self.finalize_asked = False
        self.closing = False
        self.failed = False
        """Its last audio could not be taken: nothing more is to be waited for."""
        self.done: Future[None] = Future()

    @property
    def waiting(self) -> float:
        """Seconds in the inbox."""
        return (self.put - self.taken) / self.stream.sample_rate


class Conductor:
    """Runs the legs of one model. All methods may be called from any thread."""

    def __init__(
        self, decoder: WhisperDecoder, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._decoder = decoder
        self._monotonic = monotonic
        self._seats: list[Seat] = []
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._finished: deque[tuple[list[Job], list[Hypothesis | None]]] = deque()
        self._pool = ThreadPoolExecutor(decoder.threads, thread_name_prefix="whisper-decode")
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="whisper-second")
        self._finals_running = 0
        self._interims_running = 0
        self._interim_started = 0.0
        self._interim_took = 0.2
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="whisper-conductor", daemon=True)
        self._thread.start()

    @property
    def legs(self) -> int:
        """How many legs are seated."""
        return len(self._seats)

    @property
    def backlog(self) -> float:
        """Seconds of ended utterances that wait for their final, over all legs."""
        return sum(seat.stream.backlog for seat in self._seats)

    @property
    def is_idle(self) -> bool:
        """Nothing is being decoded, and no final waits."""
        return not (self._finals_running or self._interims_running or self.backlog)

    def join(self, seat: Seat) -> None:
        """Takes a leg in."""
        with self._lock:
            self._seats = [*self._seats, seat]

    def hear(self, seat: Seat, pcm: bytes) -> None:
        """Drops a leg's audio into its inbox; the only call on the path of every frame."""
        seat.put += len(pcm) // 2
        seat.inbox.append((pcm, self._monotonic()))
        self._wake.set()

    def finalize(self, seat: Seat) -> None:
        """Ends the leg's open utterance after what has been heard."""
        seat.finalize_asked = True
        self._wake.set()

    def leave(self, seat: Seat) -> Future[None]:
        """Ends a leg; the future is done once its last final was delivered."""
        seat.closing = True
        self._wake.set()
        return seat.done

    def abandon(self, seat: Seat) -> None:
        """Takes a leg out as it is; what is decoded for it already is dropped when it is done."""
        with self._lock:
            self._seats = [s for s in self._seats if s is not seat]
            if not seat.done.done():
                seat.done.set_result(None)

    def stop(self) -> None:
        """Ends the thread; legs that are still seated are let go as they are."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._helper.shutdown(wait=True, cancel_futures=True)

    # --- the conductor's own thread -----------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(timeout=0.5)
            self._wake.clear()
            try:
                self._turn()
            except Exception:
                log.exception("conductor_failed")
        for seat in self._seats:
            seat.done.cancel()

    def _turn(self) -> None:
        while self._finished:
            jobs, found = self._finished.popleft()
            self._accept(jobs, found)
        for seat in self._seats:
            self._listen(seat)
        self._give_finals()
        self._give_looks()
        self._give_interims()
        for seat in [s for s in self._seats if s.closing and (s.failed or _is_through(s))]:
            self.abandon(seat)

    def _listen(self, seat: Seat) -> None:
        try:
            if not self._empty(seat):
                self._wake.set()  # the others first, then the rest
                return
            if seat.finalize_asked:
                seat.finalize_asked = False
                seat.stream.finalize()
            if seat.closing:
                seat.stream.finish(self._monotonic())
            self._deliver(seat, seat.stream.ready(self._monotonic()))
        except Exception:
            # One leg's trouble must not reach the others.
            log.exception("leg_failed")
            seat.failed = seat.closing and not seat.inbox

    def _empty(self, seat: Seat) -> bool:
        """Takes a leg's audio, ``AT_ONCE`` seconds at most: a replay must not keep the others."""
        most = seat.taken + AT_ONCE * seat.stream.sample_rate
        seat.crowded = seat.crowded or seat.waiting > CROWDED  # before a long piece is taken whole
        while seat.inbox and seat.taken < most:
            pcm, arrived = seat.inbox.popleft()
            seat.taken += len(pcm) // 2
            try:
                events = seat.stream.feed(pcm, arrived)
            except Exception:
                log.exception("leg_failed")
                end = seat.taken / seat.stream.sample_rate
                events = seat.stream.miss(end, self._monotonic())
            self._deliver(seat, events)
        if seat.stream.heard >= seat.said + SAY_EVERY:
            seat.said = seat.stream.heard
            seat.listened(seat.said)
        if seat.crowded and seat.waiting < CROWDED / 2:
            seat.crowded = False
            seat.has_room()
        return not seat.inbox

    def _give_finals(self) -> None:
        while self._finals_running < self._decoder.threads:
            hurried = self.backlog > HURRY * self._decoder.threads
            beam, padding = (1, FINAL_PADDING / 2) if hurried else (FINAL_BEAM, FINAL_PADDING)
            jobs: list[Job] = []
            for seat in sorted(self._seats, key=lambda s: -s.stream.backlog):
                job = seat.stream.final_job(beam=beam, padding=padding)
                if job is not None:
                    jobs.append(job)
                if len(jobs) == (LARGEST_BATCH if hurried else 1):
                    break
            if not jobs:
                return
            self._finals_running += 1
            self._pool.submit(self._decode, jobs)

    def _give_looks(self) -> None:
        """Long utterances once more from their beginning, while nothing else is to be done."""
        if self._finals_running:
            return
        for seat in self._seats:
            job = seat.stream.look_job(beam=FINAL_BEAM, padding=FINAL_PADDING)
            if job is not None:
                self._finals_running += 1
                self._pool.submit(self._decode, [job])
                return

    def _give_interims(self) -> None:
        now = self._monotonic()
        if self._interims_running or self._finals_running >= self._decoder.threads:
            return
        wait = self._interim_started + REST * self._interim_took - now
        hop = max(SHORTEST_HOP, self._interim_took)
        due = [seat.stream for seat in self._seats if seat.stream.interim_due(hop)]
        if not due or wait > 0:
            return
        # Legs that would be due in a moment ride along: a batch costs little more than one.
        due += [
            seat.stream
            for seat in self._seats
            if seat.stream not in due and seat.stream.interim_due(hop / 2)
        ]
        jobs = [stream.interim_job() for stream in due[: 2 * LARGEST_BATCH]]
        self._interims_running += 1
        self._interim_started = now
        self._pool.submit(self._decode, jobs)

    def _accept(self, jobs: list[Job], found: list[Hypothesis | None]) -> None:
        now = self._monotonic()
        if jobs[0].kind == "interim":
            self._interims_running -= 1
            self._interim_took += 0.3 * (now - self._interim_started - self._interim_took)
        else:
            self._finals_running -= 1
        for job, hypothesis in zip(jobs, found, strict=True):
            seat = next((s for s in self._seats if s.stream is job.stream), None)
            if seat is not None:
                self._deliver(seat, job.stream.accept(job, hypothesis, now))

    @staticmethod
    def _deliver(seat: Seat, results: list[EngineEvent]) -> None:
        if results:
            seat.deliver(results)

    # --- decoder threads ----------------------------------------------------------------------

    def _decode(self, jobs: list[Job]) -> None:
        found: list[Hypothesis | None]
        try:
            found = self._decode_jobs(jobs)
        except Exception:
            log.exception("decode_failed", jobs=len(jobs))
            found = [None] * len(jobs)
        self._finished.append((jobs, found))
        self._wake.set()

    def _decode_jobs(self, jobs: list[Job]) -> list[Hypothesis | None]:
        windows = [self._with_language(job) for job in jobs]
        known = [window for window in windows if window is not None]
        if jobs[0].kind == "final":
            decoded = iter(self._decode_finals(jobs, known))
        else:
            decoded = iter(self._decoder.decode(known, at_once=INTERIM_SECONDS))
        return [None if window is None else next(decoded) for window in windows]

    def _decode_finals(self, jobs: list[Job], windows: list[Window]) -> list[Hypothesis]:
        if len(jobs) == 1 and self.backlog < BUSY:
            job = jobs[0]
            if job.span is not None and job.span.look:
                return [best_look(self._decoder, windows[0], job.context)]
            helper = self._helper if job.hard and self._decoder.threads > 1 else None
            found = surest_final(
                self._decoder, windows[0], job.context, helper=helper, wanted=job.is_wanted
            )
            return [found]
        return best_final(self._decoder, windows)

    def _with_language(self, job: Job) -> Window | None:
        """The window in its language; none while there is too little audio to tell it."""
        if not job.detect:
            return job.window
        known = job.stream.language_of(job.generation)
        if known is not None:
            return replace(job.window, language=known)
        if job.kind == "interim" and len(job.window.audio) < LANGUAGE_SECONDS * 16_000:
            return None
        language, sure = self._decoder.detect_language(job.window.audio)
        if job.kind == "interim" and sure < 0.6:
            return None
        return replace(job.window, language=language)


def _is_through(seat: Seat) -> bool:
    return seat.stream.idle and not seat.inbox
