"""A call that an earlier process began, as the store knows it.

May import ``store.base`` and core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from msgspec.structs import replace

from callscribe.events import Event, LegEnded, LegStarted, RolesSwapped, SessionInterrupted
from callscribe.store.base import StoredCall
from callscribe.transcript import Transcript

STEP = 10_000
"""Numbers that are left out behind the last event that was kept: interim ones had some of them,
and whoever saw those must not miss what comes now."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a call whose process died."""

    call: StoredCall
    transcript: Transcript
    events: Sequence[Event]

    @property
    def next_seq(self) -> int:
        """The number behind which the call goes on."""
        return self.call.last_seq + STEP

    @property
    def open_legs(self) -> dict[str, LegStarted]:
        """The legs that had not ended, by speaker."""
        found: dict[str, LegStarted] = {}
        for event in self._renamed():
            if isinstance(event, LegStarted):
                found[event.speaker] = event
            elif isinstance(event, LegEnded):
                found.pop(event.speaker, None)
        return found

    @property
    def gone(self) -> set[str]:
        """Speakers whom an earlier death of the server has cut off, and who have not come back."""
        found: set[str] = set()
        here: set[str] = set()
        died = False
        for event in self._renamed():
            if isinstance(event, SessionInterrupted):
                here, died = set(), True
            elif isinstance(event, LegStarted):
                here.add(event.speaker)
                found.discard(event.speaker)
            elif isinstance(event, LegEnded) and died and event.speaker not in here:
                found.add(event.speaker)
        return found

    @property
    def legs(self) -> list[LegStarted]:
        """All legs there were, under the names that their speakers have now."""
        return [event for event in self._renamed() if isinstance(event, LegStarted)]

    @property
    def is_swapped(self) -> bool:
        """Whether speakers have exchanged their names."""
        return any(isinstance(event, RolesSwapped) for event in self.events)

    @property
    def zero_at(self) -> float | None:
        """UNIX time of 0 on the call clock; None where no audio had come."""
        return next((e.zero_at for e in self.events if isinstance(e, LegStarted)), None)

    def heard_until(self, speaker: str) -> float:
        """The end of what is known of a speaker on the call clock (s)."""
        gaps = [gap.end for gap in self.transcript.gaps if gap.speaker == speaker]
        leg = self.open_legs.get(speaker)
        return max(self.written_until(speaker), *gaps, leg.offset if leg else 0.0)

    def written_until(self, speaker: str, before: float = inf) -> float:
        """The end of a speaker's last words on the call clock (s); 0 where there are none.

        Of those that begin ``before``.
        """
        mine = (u for u in self.transcript.utterances if u.speaker == speaker)
        return max((u.end for u in mine if u.start < before), default=0.0)

    @property
    def broke_off(self) -> float:
        """Where the call clock stood at its last event (s)."""
        return 0.0 if self.zero_at is None else max(0.0, self.call.last_at - self.zero_at)

    def _renamed(self) -> list[Event]:
        """The events under the names that the speakers have now, as the transcript has them."""
        names: dict[str, str] = {}
        found: list[Event] = []
        for event in reversed(self.events):
            if isinstance(event, RolesSwapped):
                one, other = event.speakers
                names[one], names[other] = names.get(other, other), names.get(one, one)
            elif isinstance(event, LegStarted | LegEnded):
                event = replace(event, speaker=names.get(event.speaker, event.speaker))  # noqa: PLW2901
            found.append(event)
        return found[::-1]
