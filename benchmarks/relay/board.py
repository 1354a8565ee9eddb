"""Where all legs of a load note what they send and what comes back."""

from __future__ import annotations

from array import array

from benchmarks.relay import marks
from benchmarks.relay.heard import STEP
from benchmarks.relay.pacing import frame_that_ends
from benchmarks.relay.tally import Row


class Board:
    """Frames sent and results received, by leg."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Row]] = []
        """The leg, and what its result tells."""
        self.lags = array("q")
        """How late frames were sent, ns."""
        self.strays = 0
        """Results that no leg or no frame of this load explains."""
        self._sent: dict[int, array[int]] = {}
        self._seen: dict[int, set[int]] = {}
        self._last: dict[int, int] = {}
        """How far (ms) the latest result of a leg reached that came."""

    def opens(self, leg: int) -> array[int]:
        """Where a leg notes the moments (ns) at which it sends its frames."""
        self._seen[leg] = set()
        return self._sent.setdefault(leg, array("q"))

    def hears(self, text: bytes, now: int) -> marks.Mark | None:
        """Notes a text that has come back; its mark, if it has one.

        A gateway may say the same words twice, as an interim and with what follows: once counts.
        """
        mark = marks.find(text)
        if mark is None:
            return None
        frame = frame_that_ends(mark.ms)
        sent = self._sent.get(mark.leg)
        if sent is None or not 0 <= frame < len(sent):
            self.strays += 1
        elif mark.ms not in self._seen[mark.leg]:
            self._seen[mark.leg].add(mark.ms)
            up, down = (mark.sent_ns - sent[frame]) / 1e6, (now - mark.sent_ns) / 1e6
            self.rows.append((mark.leg, Row(now, up, down, mark.final)))
            last = self._last.get(mark.leg, mark.ms)
            for ms in range(last + STEP, mark.ms, STEP):
                took = (now - sent[frame_that_ends(ms)]) / 1e6
                self.rows.append((mark.leg, Row(now, 0.0, took, left_out=True)))
            self._last[mark.leg] = max(last, mark.ms)
        return mark

    def of(self, legs: range) -> list[Row]:
        """The results of these legs."""
        return [row for leg, row in self.rows if leg in legs]
