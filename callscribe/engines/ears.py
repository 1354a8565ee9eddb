"""Ears: when speech is heard on many legs and when it ends, on one thread beside the event loop.

A recogniser far away says so too, but later, and on a noisy line not at all. May import ``audio``,
``vad``, ``engines.encoded`` and ``engines.silero``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Final

import numpy as np
import structlog

from callscribe.audio import WIDTH, Encoding, Resampler, to_float
from callscribe.engines.encoded import to_samples
from callscribe.engines.silero import SileroModel, SileroStream, shared
from callscribe.vad import CHUNK, Endpointer, EndpointRules, SpeechDetector, Turn

TICK: Final = 0.1
"""Seconds between two looks: a leg's chunks share a run of the network, which halves its price."""

RESTING: Final = 10
"""Looks of which one is also at the legs that are only kept, to let go of what is old."""

SPEECH_EVERY: Final = 0.25
"""Seconds between two words that a leg's speech is being heard."""

EVIDENCE: Final = 0.15
"""Seconds in which the model must have heard speech in an utterance: a click is none."""

KEPT: Final = 2.0
"""Seconds of audio, and the silence that ends speech, that are kept while nobody wants to know."""

_log = structlog.get_logger(__name__)


class Ears:
    """The thread and the network that all legs share; the thread lives as long as legs do.

    Making one loads the network: do it off the event loop. All methods may be called from any
    thread.
    """

    def __init__(self, silero: SileroModel | None = None) -> None:
        self._silero = silero or shared()
        self._lock = threading.Lock()
        self._ears: tuple[Ear, ...] = ()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def listen(
        self,
        sample_rate: int,
        encoding: Encoding,
        silence: float,
        on_end: Callable[[float], None],
        on_speech: Callable[[float], None] = lambda _: None,
    ) -> Ear:
        """Follows one more leg: ``on_end`` is told where speech ended, after ``silence`` s of none.

        ``on_speech`` is told now and then, while speech is heard, how far it reaches. Both are
        called on the ears' thread with leg seconds, and must return at once.
        """
        ear = Ear(self, sample_rate, encoding, silence, on_end, on_speech)
        with self._lock:
            self._ears = (*self._ears, ear)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ears", daemon=True)
                self._thread.start()
        return ear

    def stream(self) -> SileroStream:
        """A fresh state of the network."""
        return self._silero.stream()

    def leave(self, ear: Ear) -> None:
        """Follows a leg no more. Idempotent."""
        with self._lock:
            self._ears = tuple(other for other in self._ears if other is not ear)

    def close(self) -> None:
        """Ends the thread and waits for it. Idempotent."""
        self._closed.set()
        with self._lock:
            thread, self._ears = self._thread, ()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        for tick in count():
            if self._closed.wait(TICK):
                return
            with self._lock:
                ears = self._ears
                if not ears:
                    self._thread = None
                    return
            for ear in ears:
                if ear.attends or tick % RESTING == 0:
                    ear.catch_up()


class Ear:
    """One leg's way into the ears. It listens until ``rest``, and again from ``attend`` on."""

    def __init__(
        self,
        ears: Ears,
        sample_rate: int,
        encoding: Encoding,
        silence: float,
        on_end: Callable[[float], None],
        on_speech: Callable[[float], None],
    ) -> None:
        self._ears = ears
        self._rate = sample_rate
        self._encoding: Encoding = encoding
        self._width = WIDTH[encoding]
        self._most = int((KEPT + silence) * sample_rate) * self._width
        self._silence = silence
        self._on_end = on_end
        self._on_speech = on_speech
        self._spoken = 0.0
        """How far speech reaches, leg seconds."""
        self._told = 0.0
        self._told_at = float("-inf")
        self._inbox: deque[tuple[int, bytes]] = deque()
        """Where in the leg's bytes a piece begins, and the piece."""
        self._put = 0
        self._heard = 0
        """Up to which byte of the leg it has listened."""
        self._deaf = False
        self.attends = True
        """It listens."""
        self._begun = False

    def hear(self, audio: bytes) -> None:
        """Takes the leg's next audio; the only call on the path of every frame."""
        if self._deaf:
            return
        self._inbox.append((self._put, audio))
        self._put += len(audio)

    def rest(self) -> None:
        """Does not listen for now, which costs next to nothing."""
        self.attends = False

    def attend(self) -> None:
        """Listens again, to the last ``KEPT`` seconds first."""
        self.attends = True

    def close(self) -> None:
        """Ends this one. Idempotent."""
        self._deaf = True
        self._inbox.clear()
        self._ears.leave(self)

    def catch_up(self) -> None:
        """Judges what has come; runs on the ears' thread. A leg that fails is left alone."""
        try:
            if self.attends:
                self._judge()
            else:
                self._forget()
        except IndexError:  # it was closed in this moment
            return
        except Exception:  # noqa: BLE001 - one leg's trouble must not reach the others
            _log.exception("ear_failed")
            self.close()

    def _forget(self) -> None:
        """Keeps the latest audio alone."""
        oldest = self._put - self._most
        while self._inbox and self._inbox[0][0] < oldest:
            self._inbox.popleft()

    def _begin(self, place: int) -> None:
        """Begins to listen at a byte of the leg, knowing nothing of what was before."""
        self._begun = True
        self._heard = place
        self._base = place / self._width / self._rate
        self._resampler = Resampler(self._rate)
        self._rest = np.empty(0, np.int16)
        self._stream = self._ears.stream()
        self._detector = SpeechDetector(self._stream)
        self._point = Endpointer(
            EndpointRules(
                endpoint=self._silence, hurried_endpoint=self._silence, longest=float("inf")
            )
        )

    def _judge(self) -> None:
        pieces: list[bytes] = []
        while self._inbox and not self._deaf:
            place, piece = self._inbox.popleft()
            if place != self._heard or not self._begun:
                self._begin(place)
                pieces.clear()
            pieces.append(piece)
            self._heard = place + len(piece)
        if not pieces:
            return
        samples = self._resampler.push(to_samples(b"".join(pieces), self._encoding))
        pending = np.concatenate([self._rest, samples])
        whole = len(pending) - len(pending) % CHUNK
        self._rest = pending[whole:].copy()
        if not whole:
            return
        audio = to_float(pending[:whole])
        for index, probability in enumerate(self._stream.judge(audio)):
            chunk = audio[index * CHUNK : (index + 1) * CHUNK]
            turn = self._point.push(self._detector.judge(chunk, float(probability)))
            if self._point.evidence >= EVIDENCE:
                self._spoken = self._base + self._point.speech_end
            if turn is Turn.ENDED:
                self._on_end(self._base + self._point.speech_end)
        self._tell_speech()

    def _tell_speech(self) -> None:
        now = time.monotonic()
        if self._spoken > self._told and now - self._told_at >= SPEECH_EVERY:
            self._told, self._told_at = self._spoken, now
            self._on_speech(self._spoken)
