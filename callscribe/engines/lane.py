"""The short way of a leg's audio: from whoever takes it off the wire to the engine's socket.

Every layer between counts audio, or keeps it. None has to do so frame by frame: while the lane is
open a frame is sent, and noted in one place. The layers take what was noted, joined, before
anything else happens in them (``settle``), so that each is right whenever it decides. The lowest
hears from its engine ten times a second, mostly what the others only pass on: it may take what was
noted alone (``settle_lowest``).

Imports nothing of ours. For the event loop's thread alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MOST: Final = 25
"""Frames that are noted before the layers take them."""

HASTE: Final = 0.005
"""Seconds since the last frame under which the next one is to be joined with others instead."""

Send = Callable[[bytes], bool]
"""Sends audio in this turn of the event loop; false, and nothing is sent, where it would wait."""

Note = Callable[[bytes, float, float], None]
"""Takes audio that has been sent: when its first frame came, and its last, monotonic seconds."""


class Lane:
    """One layer's part of the way; frames are given to the uppermost.

    The lowest says how they leave (``open``, ``shut``), one above follows it. ``note`` is called
    with what has left, that of the layers below first.
    """

    __slots__ = (
        "_frames",
        "_last",
        "_since",
        "_since_lowest",
        "_taken",
        "above",
        "below",
        "note",
        "send",
    )

    def __init__(self, note: Note) -> None:
        self.note = note
        self.above: Lane | None = None
        """The lane that follows this one."""
        self.below: Lane | None = None
        """The lane that this one follows."""
        self.send: Send | None = None
        """How frames leave; None where they have to go the long way, through every layer."""
        self._frames: list[bytes] = []
        self._since = 0.0
        self._taken = 0
        """So many of these the lowest has taken already."""
        self._since_lowest = 0.0
        """When the first of the others came."""
        self._last = float("-inf")

    def take(self, audio: bytes, now: float) -> bool:
        """Sends a frame that came ``now`` (monotonic s) if it need not wait; false: it must.

        Then it has to go the long way. The path of nearly every frame.
        """
        send = self.send
        if send is None or now - self._last < HASTE or not send(audio):
            return False
        frames = self._frames
        if len(frames) == self._taken:
            self._since_lowest = now
            if not frames:
                self._since = now
        frames.append(audio)
        self._last = now
        if len(frames) >= MOST:
            self._hand_out()
        return True

    def settle(self) -> None:
        """Has all layers take what has left through any of them."""
        top = self
        while top.above is not None:
            top = top.above
        if top._frames:  # noqa: SLF001 - another one of these
            top._hand_out()  # noqa: SLF001

    def settle_lowest(self) -> None:
        """Has this layer, the lowest, take what has left; those above it take it later."""
        top = self
        while top.above is not None:
            top = top.above
        if len(top._frames) > top._taken:  # noqa: SLF001 - another one of these
            top._give_lowest(self)  # noqa: SLF001

    def open(self, send: Send) -> None:
        """Has frames leave by ``send`` from now on; for the lowest."""
        if self.send is None:
            self._pass_up(send)

    def shut(self) -> None:
        """Has frames go the long way from now on; for the lowest."""
        if self.send is not None:
            self.settle()
            self._pass_up(None)

    def follow(self, below: Lane | None) -> None:
        """Leads into the lane of the layer below, or nowhere."""
        if below is self.below:
            return
        self.settle()  # what has left by the other belongs there
        if self.below is not None:
            self.below.above = None
        self.below = below
        if below is not None:
            below.above = self
        self._pass_up(None if below is None else below.send)

    def _hand_out(self) -> None:
        lowest = self
        while lowest.below is not None:
            lowest = lowest.below
        frames, taken = self._frames, self._taken
        self._frames, self._taken = [], 0
        since, last = self._since, self._last
        audio = b"".join(frames)  # the very one, where there is one
        if not taken:
            lowest.note(audio, since, last)  # whoever keeps it keeps the same
        elif len(frames) > taken:
            lowest.note(b"".join(frames[taken:]), self._since_lowest, last)
        lane = lowest.above
        while lane is not None:
            lane.note(audio, since, last)
            lane = lane.above

    def _give_lowest(self, lowest: Lane) -> None:
        frames = self._frames[self._taken :]
        self._taken = len(self._frames)
        lowest.note(b"".join(frames), self._since_lowest, self._last)

    def _pass_up(self, send: Send | None) -> None:
        lane: Lane | None = self
        while lane is not None:
            lane.send = send
            lane = lane.above
