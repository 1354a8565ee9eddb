"""What the events of one call add up to for its agents.

It grows event by event, so that a call is read once, however long it gets. May import
``agents.base``, ``agents.tails`` and core.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from callscribe.agents.base import Call
from callscribe.agents.tails import Told
from callscribe.events import Event, FinalResult, parse_event
from callscribe.shelf import Shelf
from callscribe.transcript import Gap, Transcript


class View:
    """One call as far as its events were read, revisions applied, under the speakers' names now.

    ``shelf`` is where what was said a while ago goes.
    """

    def __init__(self, session_id: str, shelf: Shelf | None = None) -> None:
        self.seq = 0
        """The number of the latest event."""
        self.ended = False
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        """The keys of what was found, by agent."""
        self._session_id = session_id
        self._language = ""
        self._transcript = Transcript(session_id, shelf=shelf)
        self._swaps: list[tuple[int, Mapping[str, str]]] = []
        """The numbers of the events by which speakers exchanged their names, and the names."""
        self._latest: Event | None = None
        """The latest final, and the JSON form that it was made from."""
        self._data: Mapping[str, Any] | None = None
        self._kinds: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "session_started": self._started,
            "final": self._say,
            "gap": self._miss,
            "gap_repaired": lambda data: self._transcript.drop_gap(data["of_seq"]),
            "roles_swapped": self._swap,
            "agent_result": lambda data: self.keys[data["agent"]].add(data["key"]),
            "session_ended": self._end,
        }

    def apply(self, data: Mapping[str, Any]) -> None:
        """Takes the next event in its JSON form."""
        self.seq = data["seq"]
        take = self._kinds.get(data["type"])
        if take is not None:
            take(data)

    def call(self) -> Call:
        """The call so far; its transcript is the caller's own."""
        return Call(
            session_id=self._session_id,
            language=self._language,
            transcript=self._transcript.copy(),
        )

    def event(self, data: Mapping[str, Any]) -> Event:
        """An event of the call, a final under the name that its speaker has now."""
        # The same one for all agents that are told of it now: making it is most of the work.
        event = self._latest if data is self._data and self._latest else _event(data)
        if not isinstance(event, FinalResult):
            return event
        speaker = event.speaker
        for seq, names in self._swaps:
            if seq > event.seq:
                speaker = names.get(speaker, speaker)
        return event if speaker == event.speaker else replace(event, speaker=speaker)

    def rest(self) -> None:
        """Nobody asks for the latest event any more for now."""
        self._latest = self._data = None

    def _started(self, data: Mapping[str, Any]) -> None:
        self._language = str(data["config"].get("transcription_language", ""))

    def _end(self, _: Mapping[str, Any]) -> None:
        self.ended = True

    def _say(self, data: Mapping[str, Any]) -> None:
        final = _event(data)
        assert isinstance(final, FinalResult)  # noqa: S101 - for the type checker
        self._latest, self._data = final, data
        if final.leak_of or not final.text.strip():
            self._transcript.drop(final.utterance_id)
            return
        said = final.utterance
        if not math.isfinite(said.start):
            said = replace(said, start=0.0)
        self._transcript.add(said)

    def _miss(self, data: Mapping[str, Any]) -> None:
        speaker, start, end = data["speaker"], data["start"], data["end"]
        self._transcript.add_gap(Gap(speaker, start, end, data["reason"], data["seq"]))

    def _swap(self, data: Mapping[str, Any]) -> None:
        if len(data["speakers"]) != 2:
            return
        one, other = data["speakers"]
        self._swaps.append((data["seq"], {one: other, other: one}))
        self._transcript.swap(one, other)


def _event(data: Mapping[str, Any]) -> Event:
    return data.event if isinstance(data, Told) else parse_event(data)
