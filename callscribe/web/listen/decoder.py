"""A container's decoder in a thread of its own, with bounds for what waits before and behind it.

May import ``audio`` and the rest of ``web``.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from callscribe.audio import RATE, Int16Array

MOST_BYTES: Final = 1 << 20
"""Bytes that may wait to be decoded before the client has to."""

MOST_SAMPLES: Final = 20 * RATE
"""Samples, of all channels, that may wait to be taken before the decoder has to."""


class Decoder:
    """Bytes in, samples out; ``notify`` is called on its thread whenever something has changed.

    The thread begins with the first bytes. It ends after ``end``, or at once after ``close``.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pieces: deque[bytes] = deque()
        self._at = 0
        """How far the first piece has been read."""
        self._bytes = 0
        self._blocks: deque[Int16Array] = deque()
        self._samples = 0
        self._starving = False
        """The thread waits for bytes: it can do nothing more with those that it has had."""
        self._ended = self._closed = False
        self.over = False
        """Nothing more comes."""
        self.error: Exception | None = None
        """Why the bytes could not be decoded; set before ``over``."""

    @property
    def has_room(self) -> bool:
        """Not so much waits that the client has to wait."""
        return self.over or self._bytes <= MOST_BYTES

    @property
    def settled(self) -> bool:
        """All that could be made of the bytes so far has been taken."""
        with self._change:
            return (self._thread is None or self._starving or self.over) and not self._blocks

    def put(self, data: bytes) -> None:
        """The next bytes; what comes after the end of the audio is let go."""
        with self._change:
            if self._ended or self.over:
                return
            self._pieces.append(data)
            self._bytes += len(data)
            self._starving = False
            self._change.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="listen-decode", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """No more bytes come."""
        with self._change:
            self._ended = True
            self._starving = False
            self.over = self.over or self._thread is None
            self._change.notify()

    def close(self) -> None:
        """Ends the thread, whatever waits."""
        with self._change:
            self._ended = self._closed = True
            self._pieces.clear()
            self._blocks.clear()
            self._bytes = self._samples = 0
            self._change.notify()

    def take(self) -> Int16Array | None:
        """The next samples, (channels, n); None when there are none yet."""
        with self._change:
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            self._samples -= block.size
            self._change.notify()
            return block

    def _run(self) -> None:
        try:
            from callscribe.web.listen.demuxer import decode  # in a thread: FFmpeg is large

            for block in decode(self._read):
                if not self._hand_out(block):
                    break
        except Exception as error:  # noqa: BLE001 - whatever the libraries raise, the client is told
            self.error = error
        finally:
            with self._change:
                self.over = True
                self._pieces.clear()
                self._bytes = 0
            self._notify()

    def _read(self, size: int) -> bytes:
        with self._change:
            while not self._pieces and not self._ended:
                self._starving = True
                self._notify()
                self._change.wait()
            if not self._pieces:
                return b""
            piece = self._pieces[0]
            part = piece[self._at : self._at + size]
            self._at += len(part)
            if self._at == len(piece):
                self._pieces.popleft()
                self._at = 0
            full = not self.has_room
            self._bytes -= len(part)
            if full and self.has_room:
                self._notify()
            return part

    def _hand_out(self, block: Int16Array) -> bool:
        """Puts samples where they are taken; false when nobody takes them any more."""
        with self._change:
            while self._samples > MOST_SAMPLES and not self._closed:
                self._change.wait()
            if self._closed:
                return False
            if block.size:
                self._blocks.append(block)
                self._samples += block.size
                self._notify()
            return True
