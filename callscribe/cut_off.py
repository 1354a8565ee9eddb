"""Speakers whose server died in mid-call: what nobody heard of them, and what they bring back.

A client that keeps its audio until it is written down (``settled`` in an ``ack``) begins a leg that
goes on within the one that was cut off: then there is no gap. May import ``record``, ``past`` and
core.
"""

from __future__ import annotations

from dataclasses import dataclass

from callscribe import events
from callscribe.past import Past
from callscribe.record import Record
from callscribe.transcript import Gap
from callscribe.utterances import NEAR

DIED, RESTARTED = "server_died", "server_restarted"
"""Why nobody heard what was on its way then, and what was said until a speaker was back."""


@dataclass(frozen=True, slots=True)
class Former:
    """A leg that has ended: where it began on the call clock (s), its rate, its written samples."""

    offset: float
    sample_rate: int
    written: int

    def goes_on(self, sample: int) -> tuple[int, float]:
        """What a client need not send that has kept its audio from a sample of this leg on.

        So many samples; and where what it does send begins on the call clock (s).
        """
        skip = max(self.written - sample, 0)
        return skip, self.offset + (sample + skip) / self.sample_rate


class CutOff:
    """The speakers of one call, from the death of its server until they are back."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._missed_from: dict[str, float] = {}
        """Since when on the call clock (s) nobody hears them."""
        self._former: dict[str, Former] = {}

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
        for speaker, leg in past.cut_off.items():
            written = max(past.written_until(speaker) - leg.offset, 0.0)
            self._former[speaker] = Former(
                leg.offset, leg.sample_rate, round(written * leg.sample_rate)
            )

    def former(self, speaker: str) -> Former | None:
        """The leg that was cut off; None where there is none, or the speaker is back."""
        return self._former.get(speaker)

    def back(self, speaker: str, offset: float, *, goes_on: bool) -> None:
        """A speaker's leg begins at ``offset``; it may go on within the one that was cut off."""
        self._former.pop(speaker, None)
        missed_from = self._missed_from.pop(speaker, offset)
        if goes_on:
            for gap in list(self._record.transcript.gaps):
                if gap.speaker == speaker and gap.reason == DIED and gap.end > offset - NEAR:
                    self._heard_after_all(gap)
        if offset > missed_from:
            self._record.publish(
                events.Gap, speaker=speaker, start=missed_from, end=offset, reason=RESTARTED
            )

    def _heard_after_all(self, gap: Gap) -> None:
        """What a gap holds is in the leg that begins now, or was silence."""
        self._record.transcript.drop_gap(gap.seq)
        self._record.publish(
            events.GapRepaired,
            speaker=gap.speaker,
            of_seq=gap.seq,
            start=gap.start,
            end=gap.end,
        )
