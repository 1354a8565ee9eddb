"""Speakers whose server died in mid-call: what nobody heard of them, and what they bring back.

A client that keeps its audio until it is written down (``settled`` in an ``ack``) begins a leg that
goes on with its former one. What of that was told as a gap is none once it has been heard. May
import ``leg``, ``record``, ``past`` and core.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Final

from callscribe import events
from callscribe.former import Former
from callscribe.leg import Leg
from callscribe.past import Past
from callscribe.record import Record
from callscribe.transcript import Gap
from callscribe.utterances import NEAR

MS: Final = 0.001

DIED, RESTARTED = "server_died", "server_restarted"
"""Why nobody heard what was on its way then, and what was said until a speaker was back."""


class CutOff:
    """The former legs of one call, and what was missed of its speakers."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._missed_from: dict[str, float] = {}
        """Since when on the call clock (s) nobody hears those whose server died."""
        self._earlier: set[int] = set()
        """The gaps that an earlier process told, by the numbers of their events."""
        self._former: dict[str, Former] = {}
        """The last leg that each recording had in an earlier process."""

    def take_up(self, past: Past) -> None:
        """Says what became of the legs of a process that died."""
        self._earlier.update(gap.seq for gap in past.transcript.gaps)
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
        if past.is_swapped:
            return  # the client goes on under the name that it began with: another's, by now
        legs = past.legs
        for place, leg in enumerate(legs):
            others = (
                later.offset
                for later in legs[place + 1 :]
                if later.speaker == leg.speaker and later.recording != leg.recording
            )
            before = self._former.get(leg.recording)
            written = past.written_until(leg.speaker, next(others, inf)) - leg.offset
            # Places are written down in ms: a little more than that is left out.
            samples = round((written + MS) * leg.sample_rate) if written > 0 else 0
            since = before.since if before is not None and leg.whole else leg.offset
            if leg.recording:
                self._former[leg.recording] = Former(
                    leg.offset, leg.sample_rate, leg.first, leg.first + samples, since
                )

    def former(self, recording: str) -> Former | None:
        """The last leg that a recording had in an earlier process; None where it had none."""
        return self._former.get(recording)

    def began(self, leg: Leg, offset: float) -> None:
        """A leg begins at ``offset``: what was missed before is told, unless it brings that along.

        It does so as far as its client had everything, and behind its beginning when it is heard.
        """
        missed_from = self._missed_from.get(leg.speaker, inf)
        if missed_from < offset and not leg.is_whole:
            self._record.publish(
                events.Gap, speaker=leg.speaker, start=missed_from, end=offset, reason=RESTARTED
            )
        if leg.place is None:
            self._missed_from.pop(leg.speaker, None)
            return
        leg.makes_up = partial(self._make_up, leg, leg.place.since if leg.is_whole else offset)
        leg.makes_up(False)

    def _make_up(self, leg: Leg, since: float, over: bool) -> None:
        """Takes away the gaps of which all is written down now, and at the end a part of one.

        Where the recording ends with the leg there is nothing behind it to be missing: when exactly
        the server died was not known.
        """
        assert leg.place is not None and leg.offset is not None  # noqa: S101, PT018 - it goes on
        begins = min(leg.offset, leg.place.offset)
        until = begins + leg.settled / leg.sample_rate
        at_end = over and leg.stopped and leg.settled >= leg.received
        left = False
        for gap in sorted(self._gaps_of(leg, begins), key=lambda gap: gap.start):
            if at_end and gap.start < until + NEAR:
                until = max(until, gap.end)
            start, end = max(gap.start, since), min(gap.end, until)
            if end - start > NEAR and (over or end > gap.end - NEAR):
                self._record.made_up(gap, start, end)
            left = left or gap.end > until + NEAR
        if self._missed_from.get(leg.speaker, inf) <= until + NEAR:
            del self._missed_from[leg.speaker]
        if over or not (left or leg.speaker in self._missed_from):
            leg.makes_up = None

    def _gaps_of(self, leg: Leg, begins: float) -> list[Gap]:
        """The gaps that a leg may make up for, by bringing what a client has kept.

        Those of a server that died; and an engine's of before, if the leg brings all of its audio.
        """
        return [
            gap
            for gap in self._record.transcript.gaps
            if gap.speaker == leg.speaker
            and (
                gap.reason in (DIED, RESTARTED)
                or (gap.seq in self._earlier and gap.start > begins - NEAR)
            )
        ]
