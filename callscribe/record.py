"""What a session has to show: its numbered events and its transcript.

Engines' results come in here and go out as events. May import ``leg``, ``notices``, ``utterances``,
``ledger``, ``past``, ``gaps``, ``talk``, ``finals``, ``voices``, ``said``, ``shelf``,
``engines.base`` and core.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from math import inf
from types import MappingProxyType
from typing import Final

import structlog

from callscribe import events, gaps
from callscribe.engines.base import (
    Deaf,
    Doubtful,
    EngineEvent,
    Late,
    Listening,
    Lost,
    Reheard,
    Repaired,
    Silent,
    SpeechBegan,
    TakenOver,
    Unheard,
)
from callscribe.finals import Finals
from callscribe.ledger import Ledger
from callscribe.leg import Leg
from callscribe.notices import heard_otherwise, who_listens
from callscribe.past import Past
from callscribe.said import Said
from callscribe.shelf import Shelf
from callscribe.sureness import Sureness
from callscribe.talk import Talk
from callscribe.transcript import Gap, Result, Transcript
from callscribe.utterances import Step, UtteranceBuilder, placed, restated
from callscribe.voices import Voices, has_labels

AROUND: Final = 0.5
"""Seconds before and behind an utterance whose levels are looked at too."""

FIGURES: Final = 3.0
"""Seconds after which changed figures of a call are told although no utterance has ended."""

NO_THRESHOLDS: Final[Mapping[str, float]] = MappingProxyType({})
"""Nothing is unsure."""

_SAID = ("speaker", "utterance_id", "text", "start", "end", "words")
_HEAD = frozenset({"session_id", "seq", "at"})
_COUNTED = (events.Gap, events.GapRepaired, events.RolesSwapped)
"""What changes the figures of a call at once; a final may come with others."""

_log = structlog.get_logger(__name__)
_levels = logging.getLogger(__name__)
"""The same logger below, which is quick to say that nobody wants to know."""


class Record:
    """The event numbers, the open utterances and the transcript of one session."""

    def __init__(
        self,
        session_id: str,
        ledger: Ledger,
        monotonic: Callable[[], float] = time.monotonic,
        unsure_below: Mapping[str, float] = NO_THRESHOLDS,
        shelf: Shelf | None = None,
    ) -> None:
        self.session_id = session_id
        self._sureness = Sureness(unsure_below)
        self._shelf = shelf
        self.transcript = Transcript(session_id, shelf=shelf)
        self.talk = Talk()
        """How the call goes."""
        self.faults = 0
        """Errors that were logged and survived: of sinks, of engines, of this fold."""
        self.heard_at = 0.0
        """When an engine heard something last, on the session's monotonic clock."""
        self._figures_at = -inf
        """When the figures of the call were told last."""
        self._figures_due = inf
        """When they are to be told again: they have changed since."""
        self._ledger = ledger
        self._monotonic = monotonic
        self._builders: dict[str, UtteranceBuilder] = {}
        self._finals = Finals()
        self._voices = Voices()
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(partial(count, 1))
        """Where the numbers of utterances come from, by the prefix of their ids."""
        self._over = False

    @property
    def seq(self) -> int:
        """The number of the latest event."""
        return self._ledger.seq(self.session_id)

    def publish(self, kind: Callable[..., events.Event], /, **fields: object) -> None:
        """Gives an event its number and its time, has it kept, and tells whoever listens."""
        event = self._ledger.publish(self.session_id, kind, **fields)
        if not event.durable:
            return
        if isinstance(event, events.Gap):
            gap = Gap(event.speaker, event.start, event.end, event.reason, event.seq)
            self.transcript.add_gap(gap)
        if self.talk.apply(event) and isinstance(event, _COUNTED):
            self._ledger.publish(self.session_id, events.CallStats, stats=self.talk.to_dict())

    @property
    def kept_below(self) -> int:
        """All events with a number below this are on disk."""
        return self._ledger.kept_below(self.session_id)

    async def settled(self) -> None:
        """Waits until all that has been published is kept and told."""
        await self._ledger.settled(self.session_id)

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers' names in all that was said, and tells everybody."""
        names = {one: other, other: one}
        self.transcript.swap(one, other)
        builders = {name: self._builder(name) for name in names}
        for name, builder in builders.items():
            builder.speaker = names[name]
            self._builders[names[name]] = builder
        self._finals.swap(one, other)
        self._voices.swap(one, other)
        self.publish(events.RolesSwapped, speakers=(one, other))

    def take_up(self, past: Past) -> None:
        """Goes on behind what an earlier process has written down."""
        said = Said(past.transcript.utterances, self._shelf)
        said.pack()
        self.transcript = Transcript(self.session_id, said, past.transcript.gaps)
        last: dict[str, int] = {}
        for event in past.events:
            self.talk.apply(event)
            if isinstance(event, events.RolesSwapped):
                self._voices.swap(*event.speakers)
            if isinstance(event, events.FinalResult):
                labels = (word.speaker_label for word in event.words)
                self._voices.known(event.speaker, filter(None, labels))
                prefix, _, number = event.utterance_id.rpartition("-")
                last[prefix] = max(last.get(prefix, 0), int(number))
                self._finals.known(event)
        for prefix, highest in last.items():
            self._numbers[prefix] = count(highest + 1)

    def end(self) -> None:
        """Publishes the last event; what an engine may still say is counted as a fault."""
        self._over = True
        self.publish(events.SessionEnded)

    def hear(self, leg: Leg, heard: EngineEvent) -> None:
        """Takes what an engine says about a leg. Never raises: the stream must go on."""
        try:
            self._hear(leg, heard)
            leg.follow(heard)  # not before it is told: a client forgets what is settled
        except Exception as error:  # noqa: BLE001 - an engine's callback has nobody to raise to
            self.fault("result_not_recorded", leg.speaker, error)
        if leg.makes_up is not None:
            self.make_up(leg, over=False)

    def make_up(self, leg: Leg, *, over: bool) -> None:
        """Closes what gaps a leg makes up for, as far as it is settled; ``over`` at its end."""
        try:
            if leg.makes_up is not None:
                leg.makes_up(over)
        except Exception as error:  # noqa: BLE001 - the call goes on, the gap stays
            self.fault("gap_not_made_up", leg.speaker, error)

    def finish(self, leg: Leg) -> None:
        """Ends the open utterance of a leg's speaker where no endpoint came."""
        step = self._builder(leg.speaker).finish()
        if step is not None:
            self._record(leg, step, latency_ms=None)

    def fault(self, what: str, speaker: str | None, error: BaseException) -> None:
        """Logs and counts an error that must not end anything."""
        self.faults += 1
        _log.error(what, session_id=self.session_id, speaker=speaker, exc_info=error)

    def _builder(self, speaker: str) -> UtteranceBuilder:
        builder = self._builders.get(speaker)
        if builder is None:
            builder = UtteranceBuilder(speaker, self._numbers[speaker])
            self._builders[speaker] = builder
        return builder

    def _hear(self, leg: Leg, heard: EngineEvent) -> None:
        if self._over:
            raise RuntimeError("the engine spoke after the end of the session")
        self.heard_at = self._monotonic()
        if self._figures_due <= self.heard_at:
            self._tell_figures()
        offset = leg.offset or 0.0
        builder = self._builder(leg.speaker)
        if isinstance(heard, Result):  # nearly always
            step = builder.add(self._named(leg, heard), offset)
            if step is not None:
                self._record(leg, step, heard.latency_ms)
            return
        if isinstance(heard, SpeechBegan):
            self.publish(
                events.SpeechStarted,
                speaker=leg.speaker,
                utterance_id=builder.utterance_id,
                start=heard.start + offset,
            )
            return
        if isinstance(heard, Silent | Doubtful):
            return
        if isinstance(heard, Unheard):
            self._miss(leg, heard, offset)
            return
        if isinstance(heard, Repaired):
            self._repair(leg, heard, offset)
            return
        if isinstance(heard, Reheard):
            self._rehear(leg, heard, offset)
            return
        self._say_who_listens(leg, heard)

    def _named(self, leg: Leg, result: Result) -> Result:
        """A leg's result with the call's labels, and with whether it is unsure."""
        if has_labels(result.words):
            result = self._voices.named(result, leg.speaker, leg.voices)
        return self._sureness.marked(result, leg.language) if result.is_final else result

    def _miss(self, leg: Leg, heard: Unheard, offset: float) -> None:
        """Says that nobody heard a stretch; what is said behind it is another utterance."""
        if self._builder(leg.speaker).is_begun:
            self.finish(leg)
        start, end = heard.start + offset, heard.end + offset
        gaps.tell(self.publish, leg.speaker, start, end, heard.reason)

    def _repair(self, leg: Leg, heard: Repaired, offset: float) -> None:
        """Puts what was said in a gap, or a part of it, into its place; the rest stays a gap."""
        start, end = heard.start + offset, heard.end + offset
        gap = gaps.find(self.transcript.gaps, leg.speaker, start, end)
        builder = UtteranceBuilder(leg.speaker, self._numbers[leg.speaker])
        steps = [builder.add(self._named(leg, result), offset) for result in heard.results]
        ids = {}
        for step in (*steps, builder.finish()):
            if step is not None:
                self._record(leg, step, None, repairs=gap.seq)
                ids[step.utterance.utterance_id] = True
        self.transcript.drop_gap(gap.seq)
        gaps.close(self.publish, gap, start, end, tuple(ids))
        if heard.caveat:
            notice = heard_otherwise(leg.speaker, start, end, heard.caveat)
            self.publish(events.Notice, speaker=leg.speaker, **notice)
        gaps.leave_rest(self.publish, gap, start, end)

    def made_up(self, gap: Gap, start: float, end: float) -> None:
        """A speaker has sent a gap's audio once more, or a part of it: that is written down now."""
        ids = gaps.said_within(self.transcript, gap, start, end)
        self.transcript.drop_gap(gap.seq)
        gaps.close(self.publish, gap, start, end, ids)
        gaps.leave_rest(self.publish, gap, start, end)

    def _rehear(self, leg: Leg, heard: Reheard, offset: float) -> None:
        """Puts what was understood more surely into its place."""
        start, end = heard.start + offset, heard.end + offset
        now = placed(self._named(leg, heard.result), offset)
        step = self._builder(leg.speaker).revise(start, end, now, heard.by)
        if step is None:
            said = self.transcript.find(leg.speaker, start, end)
            # Of what was heard through the air it was decided which words are whose.
            if said is None or self._finals.is_leaked(said.utterance_id):
                return
            revised = restated(said, start, end, now, heard.by)
            if revised is None:
                return
            step = Step(revised, is_final=True, speech_final=True)
        self._record(leg, step, None)

    def _say_who_listens(self, leg: Leg, heard: Lost | Deaf | TakenOver | Listening | Late) -> None:
        if not isinstance(heard, Lost):
            leg.engine = "" if isinstance(heard, Deaf) else heard.engine
        self.publish(events.Notice, speaker=leg.speaker, **who_listens(heard, leg.speaker))

    def _record(self, leg: Leg, step: Step, latency_ms: float | None, repairs: int = 0) -> None:
        said = step.utterance
        if not step.is_final:  # not by ``publish``: it is nothing that is kept
            self._ledger.publish(
                self.session_id,
                events.InterimResult,
                speaker=said.speaker,
                utterance_id=said.utterance_id,
                text=said.text,
                start=said.start,
                end=said.end,
                words=said.words,
                latency_ms=latency_ms,
            )
            return
        values = {name: getattr(said, name) for name in _SAID}
        if _levels.isEnabledFor(logging.DEBUG):
            _log.debug("final", session_id=self.session_id, speaker=said.speaker, text=said.text)
        final = events.FinalResult(
            session_id=self.session_id,
            seq=0,
            at=0.0,
            **values,
            confidence=said.confidence,
            language=said.language,
            speech_final=step.speech_final,
            latency_ms=latency_ms,
            repairs=repairs,
            unsure=said.unsure,
            heard_again=said.heard_again,
        )
        levels = leg.loudness.levels(said.start - AROUND, said.end + AROUND, leg.offset or 0.0)
        for told in self._finals.add(final, levels):
            self._say(told)
        self.talk.received(leg.speaker, (leg.offset or 0.0) + leg.seconds)
        self._figures_due = min(self._figures_due, self._figures_at + FIGURES)
        if step.speech_final or self._figures_due <= self.heard_at:
            self._tell_figures()

    def _tell_figures(self) -> None:
        self._figures_at, self._figures_due = self.heard_at, inf
        self.publish(events.CallStats, stats=self.talk.to_dict())

    def _say(self, final: events.FinalResult) -> None:
        """Publishes a final, and has it in the transcript before."""
        if final.leak_of or not final.text:
            self.transcript.drop(final.utterance_id)
        else:
            self.transcript.add(final.utterance)  # before anyone is told
        values = {n: getattr(final, n) for n in final.__struct_fields__ if n not in _HEAD}
        self.publish(events.FinalResult, **values)
