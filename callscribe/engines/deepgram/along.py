"""Local ears beside the server, while that leaves something open.

They ask for a final where the server has not ended what was said, and tell that there is speech to
answer. May import ``audio``, ``engines.ears`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from callscribe.audio import Encoding
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.ears import Ears


class Along:
    """One leg's. ``silence`` is in seconds; the server gets as long to hear it by itself.

    ``ask_final`` is called, on the event loop, where an utterance is over and nobody has said so.
    """

    def __init__(
        self,
        ears: Ears,
        sample_rate: int,
        encoding: Encoding,
        silence: float,
        reader: ResultReader,
        watch: Watch,
        ask_final: Callable[[], None],
    ) -> None:
        self._silence = silence
        self._reader = reader
        self._watch = watch
        self._ask_final = ask_final
        loop = asyncio.get_running_loop()

        def ended(at: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to tell
                loop.call_soon_threadsafe(self.ended, at)

        def heard(until: float) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(watch.speech, until)

        self._ear = ears.listen(sample_rate, encoding, silence, ended, heard)
        self._ear.rest()
        self.hear = self._ear.hear
        """Takes the leg's next audio."""
        self.close = self._ear.close
        """Listens no more. Idempotent."""

    def look(self) -> bool:
        """Listens along only while the server leaves something open: it costs more than all else.

        Whether there is speech that it does not answer, or whether what it has not ended is over.
        """
        reader, watch = self._reader, self._watch
        unended = reader.is_open and watch.seconds - reader.spoken_to > self._silence
        attends = unended or watch.is_waiting
        if attends:
            self._ear.attend()
        else:
            self._ear.rest()
        return attends

    def ended(self, at: float) -> None:
        """Speech has ended at ``at`` (leg seconds), as far as it is heard here."""
        # It may be told late: words behind it are another utterance, which is not to be cut.
        if self._reader.is_open and self._reader.spoken_to < at + self._silence:
            self._ask_final()
