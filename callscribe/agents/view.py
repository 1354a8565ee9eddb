"""What the events of one call add up to for its agents.

It grows event by event, so that a call is read once, however long it gets. May import
``agents.base``, ``agents.tails`` and core.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from msgspec.structs import replace

from callscribe.agents.base import Call
from callscribe.agents.tails import Told
from callscribe.events import Event, FinalResult, parse_event
from callscribe.packed_words import pack_old
from callscribe.transcript import Gap, Transcript, Utterance

_BEGAN: Final = attrgetter("start")


class View:
    """One call as far as its events were read, revisions applied, under the speakers' names now."""

    def __init__(self, session_id: str) -> None:
        self.seq = 0
        """The number of the latest event."""
        self.ended = False
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        """The keys of what was found, by agent."""
        self._session_id = session_id
        self._language = ""
        self._said: list[Utterance] = []
        self._missed = Transcript(session_id)
        """Holds the gaps."""
        self._starts: dict[str, float] = {}
        """Where each utterance stands in the list."""
        self._speakers: dict[str, str] = {}
        """Who said each utterance, also of those that were taken back."""
        self._latest: Event | None = None
        """The latest final, and the JSON form that it was made from."""
        self._data: Mapping[str, Any] | None = None
        self._kinds: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "session_started": self._started,
            "final": self._say,
            "gap": self._miss,
            "gap_repaired": lambda data: self._missed.drop_gap(data["of_seq"]),
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
            transcript=Transcript(self._session_id, list(self._said), list(self._missed.gaps)),
        )

    def event(self, data: Mapping[str, Any]) -> Event:
        """An event of the call, a final under the name that its speaker has now."""
        # The same one for all agents that are told of it now: making it is most of the work.
        event = self._latest if data is self._data and self._latest else _event(data)
        if not isinstance(event, FinalResult):
            return event
        speaker = self._speakers.get(event.utterance_id, event.speaker)
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
        self._speakers[final.utterance_id] = final.speaker
        self._take_out(final.utterance_id)
        if final.leak_of or not final.text.strip():
            return
        said = final.utterance
        if not math.isfinite(said.start):
            said = replace(said, start=0.0)
        self._starts[said.utterance_id] = said.start
        self._said.insert(bisect_right(self._said, said.start, key=_BEGAN), said)
        pack_old(self._said)

    def _miss(self, data: Mapping[str, Any]) -> None:
        speaker, start, end = data["speaker"], data["start"], data["end"]
        self._missed.add_gap(Gap(speaker, start, end, data["reason"], data["seq"]))

    def _take_out(self, utterance_id: str) -> None:
        start = self._starts.pop(utterance_id, None)
        if start is None:
            return
        place = bisect_left(self._said, start, key=_BEGAN)
        while self._said[place].utterance_id != utterance_id:
            place += 1
        del self._said[place]

    def _swap(self, data: Mapping[str, Any]) -> None:
        if len(data["speakers"]) != 2:
            return
        one, other = data["speakers"]
        names = {one: other, other: one}
        self._speakers = {of: names.get(name, name) for of, name in self._speakers.items()}
        self._said = [_named(said, names) for said in self._said]
        self._missed.swap(one, other)


def _event(data: Mapping[str, Any]) -> Event:
    return data.event if isinstance(data, Told) else parse_event(data)


def _named(said: Utterance, names: Mapping[str, str]) -> Utterance:
    return replace(said, speaker=names[said.speaker]) if said.speaker in names else said
