"""How much audio is encoded at the same time, whichever threads ask for it.

Imports nothing of Callscribe.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class EncoderRoom:
    """Room for ``most`` frames of 10 ms: the encoder takes 45 kB of memory for each, while it runs.

    What is longer than that is encoded when nothing else is. Whoever finds room first takes it, so
    a long window waits for the short ones of live legs.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._left = threading.Condition()

    @contextmanager
    def take(self, frames: int) -> Iterator[None]:
        """Room for so many frames, as long as the block lasts; waits for it in this thread."""
        with self._left:
            self._left.wait_for(lambda: not self._used or self._used + frames <= self._most)
            self._used += frames
        try:
            yield
        finally:
            with self._left:
                self._used -= frames
                self._left.notify_all()
