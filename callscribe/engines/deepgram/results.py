"""Deepgram's messages as results on the leg's own clock.

Segments and the ends of utterances follow Deepgram's rules: a final replaces all interims from its
start, ``speech_final`` ends an utterance, and so does an ``UtteranceEnd`` that lies in the
one that is open. May import ``engines.base``, ``transcript``, ``voices`` and ``wire``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import floor
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from callscribe.engines.base import EngineEvent, SpeechBegan
from callscribe.transcript import Result, Word, mean_confidence, whole_ms
from callscribe.voices import labels_of, relabelled
from callscribe.wire import deepgram as dg

NEAR: Final = 0.05
"""Seconds by which the server's 32-bit times may differ from each other."""


class ResultReader:
    """The state between messages: the open utterance, and when which audio was sent."""

    def __init__(self, language: str, monotonic: Callable[[], float]) -> None:
        self._language = None if language == "auto" else language
        self._monotonic = monotonic
        self._open_from: float | None = None
        self._open_to = 0.0
        self._showing = False
        """Interim words were shown that no final has replaced yet."""
        self._spoken_to = 0.0
        self._settled = 0.0
        """Where the finals end: they touch, and cover silence too."""
        self._in_doubt = False
        """A message could not be read since: it may have been a final."""
        self._sent: deque[tuple[float, float, float]] = deque(maxlen=1024)

    @property
    def is_showing(self) -> bool:
        """Interim words stand that no final has replaced."""
        return self._showing

    @property
    def is_open(self) -> bool:
        """Words were said that no end of an utterance has followed."""
        return self._showing or self._open_from is not None

    @property
    def spoken_to(self) -> float:
        """Where the last word ends that was heard, leg seconds."""
        return self._spoken_to

    def give_up(self) -> Result | None:
        """Ends the open utterance where the server will not; None when that would lose words."""
        if self._showing or self._open_from is None:
            return None
        return self._utterance_end(self._open_to)

    def sent(self, until: float, since: float, now: float) -> None:
        """Notes that audio up to ``until`` (leg seconds) came from ``since`` to ``now``, monotonic.

        Within, it came at the pace of speech.
        """
        self._sent.append((until, since, now))

    def unreadable(self) -> None:
        """Notes that a message came which may have been a final."""
        self._in_doubt = True

    def lacks(self, until: float) -> bool:
        """Whether a final was among what could not be read: audio before ``until`` has none."""
        return self._in_doubt and until > self._settled + NEAR

    def read(self, message: dg.ServerMessage) -> EngineEvent | None:
        """What a message means for the leg; None when nothing."""
        if isinstance(message, dg.Results):
            return self.result(message)
        if isinstance(message, dg.UtteranceEnd):
            return self._utterance_end(message.last_word_end)
        if isinstance(message, dg.SpeechStarted):
            return SpeechBegan(message.timestamp)
        return None

    def result(self, message: dg.Results) -> Result:
        """What was heard. Ten times a second on every leg."""
        best = message.alternative
        words = _words(best.words)
        is_final = message.is_final is True
        speech_final = message.speech_final is True
        end = message.start + message.duration
        start = words[0].start if words else whole_ms(message.start)
        self._showing = not is_final and bool(words)
        if words:
            self._spoken_to = words[-1].end
        if is_final:
            self._settled, self._in_doubt = max(self._settled, end), False
            if words and self._open_from is None:
                self._open_from = start
            self._open_to = max(self._open_to, words[-1].end if words else 0.0)
            if speech_final:
                self._open_from = None
        return Result(
            text=best.transcript.strip(),
            start=start,
            end=words[-1].end if words else whole_ms(end),
            is_final=is_final,
            speech_final=is_final and speech_final,
            words=words,
            confidence=mean_confidence(words) if words else best.confidence,
            language=best.languages[0]
            if isinstance(best.languages, list) and best.languages
            else self._language,
            latency_ms=self._latency(end),
            from_finalize=message.from_finalize is True,
            until=end if is_final else None,
            exact=True,
        )

    def _utterance_end(self, last_word_end: float) -> Result | None:
        first = self._open_from
        if first is None or not first - NEAR <= last_word_end <= self._open_to + NEAR:
            return None
        self._open_from = None
        # It settles nothing: its time may lie a little behind the last final's end.
        until = min(last_word_end, self._settled)
        return Result("", last_word_end, last_word_end, True, True, until=until)

    def _latency(self, end: float) -> float | None:
        """Milliseconds since the last audio of a result came in."""
        sent, near = self._sent, end - NEAR
        while len(sent) > 1 and sent[1][0] <= near:
            sent.popleft()
        place = 0 if sent and sent[0][0] >= near else 1
        if place >= len(sent):
            return None
        until, since, now = sent[place]
        arrived = max(now - until + end, since) if until > end else now
        return round((self._monotonic() - arrived) * 1000, 1)


def of_piece(answer: Any, start: float, end: float, took: float) -> Result:  # noqa: ANN401 - the SDK's
    """The final of a leg's piece from ``start`` to ``end``; ``took``: seconds of the request."""
    channel = answer.results.channels[0]
    best = channel.alternatives[0]
    words = tuple(
        Word(
            getattr(word, "punctuated_word", None) or word.word or "",
            (word.start or 0.0) + start,
            (word.end or 0.0) + start,
            word.confidence or 0.0,
            _label(getattr(word, "speaker", None)),
        )
        for word in best.words or ()
    )
    found = Result(
        text=best.transcript or "",
        start=words[0].start if words else start,
        end=words[-1].end if words else end,
        is_final=True,
        speech_final=True,
        words=words,
        confidence=mean_confidence(words),
        latency_ms=round(took * 1000, 1),
        until=end,
    )
    language = getattr(channel, "detected_language", None)
    return replace(found, language=language) if language else found


def told_apart(found: Result, first: int) -> tuple[Result, int]:
    """A piece's result with its voices numbered from ``first`` on, and the number that comes next.

    Each request numbers anew: a voice of one piece is nobody's of another. Where there is one voice
    alone, nothing is told apart, and it has no label.
    """
    labels = labels_of(found)
    if len(labels) < 2:
        return relabelled(found, lambda _: None), first
    names = {label: str(first + place) for place, label in enumerate(sorted(labels))}
    return relabelled(found, names.get), first + len(labels)


def _words(words: Iterable[dg.Word]) -> tuple[Word, ...]:
    """Words in the numbers that are written down: nobody has to make them anew."""
    # Ten times a second on every leg: a list is made faster than it is counted out, and whole
    # numbers are divided faster than others are rounded.
    try:
        made = [
            Word(
                w.word if w.punctuated_word is UNSET else w.punctuated_word,  # as ``shown``
                floor(w.start * 1000 + 0.5) / 1000,
                floor(w.end * 1000 + 0.5) / 1000,
                floor(w.confidence * 10000 + 0.5) / 10000,
                str(w.speaker) if type(w.speaker) is int else None,
            )
            for w in words
        ]
    except (OverflowError, ValueError):  # no numbers that a clock has
        return tuple(Word(w.shown, w.start, w.end, w.confidence, _label(w.speaker)) for w in words)
    return tuple(made)


def _label(speaker: object) -> str | None:
    return str(speaker) if isinstance(speaker, int) else None
