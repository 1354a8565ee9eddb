"""Speakers whose server died in mid-call: what nobody heard of them, and what they bring back.

A client that keeps its audio until it is written down (``settled`` in an ``ack``) begins a leg that
goes on within its former one. What of that was told as a gap is none once it has been heard. May
import ``leg``, ``record``, ``past`` and core.
"""

from __future__ import annotations

from functools import partial

from callscribe import events
from callscribe.former import Former
from callscribe.leg import Leg
from callscribe.past import Past
from callscribe.record import Record
from callscribe.transcript import Gap
from callscribe.utterances import NEAR

DIED, RESTARTED = "server_died", "server_restarted"
"""Why nobody heard what was on its way then, and what was said until a speaker was back."""


class CutOff:
    """The former legs of one call, and what was missed of its speakers."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._missed_from: dict[str, float] = {}
        """Since when on the call clock (s) nobody hears those whose server died."""
        self._former: dict[str, Former] = {}
        """The legs that an earlier process had, by their id."""

    def take_up(self, past: Past) -> None:
        """Says what became of the legs of a process that died."""
        for speaker in past.gone:
            self._missed_from[speaker] = past.heard_until(speaker)
        for speaker, leg in past.open_legs.items():
            heard, until = past.heard_until(speaker), past.broke_off
            if until > heard:
                self._record.publish(
                    events.Gap, speaker=speaker, start=heard, end=until, reason=DIED
                )
            self._record.publish(
                events.LegEnded, speaker=speaker, seconds=max(0.0, until - leg.offset)
            )
            self._missed_from[speaker] = max(heard, until)
        for leg in past.legs:
            written = max(past.written_until(leg.speaker) - leg.offset, 0.0)
            self._former[leg.leg_id] = Former(
                leg.offset, leg.sample_rate, round(written * leg.sample_rate)
            )

    def former(self, leg_id: str) -> Former | None:
        """A leg of an earlier process; None where there is none of this id."""
        return self._former.get(leg_id)

    def began(self, leg: Leg, offset: float) -> None:
        """A leg begins at ``offset``: a gap before it is told, one within it may be made up for."""
        missed_from = self._missed_from.pop(leg.speaker, offset)
        if offset > missed_from:
            self._record.publish(
                events.Gap, speaker=leg.speaker, start=missed_from, end=offset, reason=RESTARTED
            )
        if leg.place is None:
            return
        seqs = {gap.seq for gap in self._gaps_of(leg) if gap.end > offset - NEAR}
        if seqs:
            leg.makes_up = partial(self._make_up, leg, seqs)

    def _make_up(self, leg: Leg, seqs: set[int], over: bool) -> None:
        """Takes away the gaps of which all is written down now, and of one a part at the end."""
        assert leg.offset is not None and leg.place is not None  # noqa: S101, PT018 - it has begun
        until = leg.offset + leg.settled / leg.sample_rate
        for gap in [gap for gap in self._gaps_of(leg) if gap.seq in seqs]:
            start = gap.start if leg.place.whole else max(gap.start, leg.offset)
            end = min(gap.end, until)
            if end > gap.end - NEAR or (over and leg.settled and end - start > NEAR):
                seqs.discard(gap.seq)
                self._record.made_up(gap, start, end)
        if over or not seqs:
            leg.makes_up = None

    def _gaps_of(self, leg: Leg) -> list[Gap]:
        return [gap for gap in self._record.transcript.gaps if gap.speaker == leg.speaker]
