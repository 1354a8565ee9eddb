"""Seeks silence in what a leg keeps, in threads, and tells the core, which has it left out.

What silence is, ``onset`` decides. May import ``engines.base``, ``engines.encoded``,
``vad`` and its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from callscribe.engines.base import StreamOptions
from callscribe.engines.encoded import to_samples
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.core import Core
from callscribe.engines.resilient.onset import BEHIND, LEAD, LEAST, MOST, Onset
from callscribe.engines.resilient.rules import LIVE
from callscribe.engines.resilient.tape import Tape
from callscribe.vad import CHUNK_SECONDS

LATE: Final = 1.0
"""Seconds by which a line is late that are worth looking for pauses."""
MORE: Final = 1.0
"""Seconds of new audio that are looked through together."""
BEFORE: Final = 2.0
"""Seconds before them that are looked through once more: silence is what it is beside speech."""

SURE: Final = 0.4
"""Seconds longer than an endpoint that a pause stays: engines look at it a little later."""

_log = structlog.get_logger(__name__)


def behind_sound(options: StreamOptions) -> float:
    """Seconds of a pause that have to stay for an utterance to end there as it would have."""
    asked = [value for name, value in options.query if name in ("endpointing", "utterance_end_ms")]
    ends = [options.endpointing_ms or 0, *(int(text) for text in asked if text.isdecimal())]
    return max(BEHIND, max(ends) / 1000 + SURE - LEAD)


class SilenceSearch:
    """What of the audio that one leg keeps need not be heard again.

    ``wake`` is called when something was found: there is something to be done.
    """

    def __init__(
        self,
        onset: Onset | None,
        core: Core,
        tape: Tape,
        options: StreamOptions,
        wake: Callable[[], None],
    ) -> None:
        self._onset = onset
        self._behind = behind_sound(options)
        """Seconds of each pause, behind the last sound, that are heard."""
        self._core = core
        self._tape = tape
        self._encoding = options.encoding
        self._wake = wake
        self._sound_behind = -1
        """From this sample on there is sound soon: nothing new is found by looking again."""
        self._seen: tuple[Line | None, int] = (None, 0)
        """For which line pauses were sought last, and up to which sample."""
        self._looking = False

    def seek(self, tasks: asyncio.TaskGroup, now: float) -> None:
        """Seeks where somebody speaks first in what is to be heard again, since nobody listens."""
        start, end, rate = self._core.settled, self._core.received, self._core.rate
        if self._onset is None or end - start < LEAST * rate:
            return
        if start == self._sound_behind or self._tape.first > start:
            return
        self._core.seek_onset(now)
        end = min(end, start + int(MOST * rate))
        audio, behind_word = self._tape.read(start, end), self._core.is_behind_word
        tasks.create_task(self._find_onset(self._onset, start, end, audio, behind_word))

    def seek_pauses(self, tasks: asyncio.TaskGroup) -> None:
        """Seeks pauses in what a line of limited pace, which is late, is still to be sent."""
        core, line = self._core, self._core.active
        if self._onset is None or line is None or core.received - line.sent < LATE * core.rate:
            return
        if self._looking or core.rungs[line.rung].pace == LIVE:
            return
        last, seen = self._seen
        new = max(seen, line.sent) if last is line else line.sent
        if core.received - new < MORE * core.rate:
            return
        start = max(new - int(BEFORE * core.rate), self._tape.first)
        end = min(core.received, start + int(MOST * core.rate))
        self._seen, self._looking = (line, end), True
        tasks.create_task(self._find_pauses(self._onset, line, start, self._tape.read(start, end)))

    async def _find_onset(
        self, onset: Onset, start: int, end: int, audio: bytes, behind_word: bool
    ) -> None:
        rate, silent = self._core.rate, 0

        def listen() -> int:
            return onset.silence(to_samples(audio, self._encoding), rate, behind_word=behind_word)

        try:
            silent = await asyncio.to_thread(listen)
        except Exception:  # noqa: BLE001 - then all of it is heard again
            _log.exception("onset_not_sought")
        if start + silent < end - (LEAD + CHUNK_SECONDS) * rate:
            self._sound_behind = start
        self._core.silent_to(start + silent)
        self._wake()

    async def _find_pauses(self, onset: Onset, line: Line, start: int, audio: bytes) -> None:
        def listen() -> list[tuple[int, int]]:
            samples = to_samples(audio, self._encoding)
            return onset.pauses(samples, self._core.rate, self._behind)

        try:
            found = await asyncio.to_thread(listen)
            self._core.silent_between(line, [(start + a, start + b) for a, b in found])
        except Exception:  # noqa: BLE001 - then all of it is heard again
            _log.exception("pauses_not_sought")
        finally:
            self._looking = False
        self._wake()
