"""How a connection's clock runs on the leg's: from where it began, past what was left out.

A connection counts what it was given. Where somebody pauses for long, kept audio is left out of
that, and what it says of later is later on the leg by as much. May import ``engines.base``,
``transcript`` and its own room.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from callscribe.engines.base import EngineEvent, Silent, SpeechBegan, Unheard
from callscribe.engines.resilient.actions import Line
from callscribe.transcript import Result, Word


def on_leg(event: EngineEvent, line: Line, rate: int) -> EngineEvent:
    """What the engine of a line says, on the leg's clock."""
    if not line.cuts:
        return _moved(event, line.base / rate)
    if isinstance(event, Result):
        return _placed(event, line, rate)
    if isinstance(event, SpeechBegan):
        return SpeechBegan(_at(event.start, line, rate))
    if isinstance(event, Silent):
        return Silent(_at(event.until, line, rate))
    if isinstance(event, Unheard):
        start, end = _at(event.start, line, rate), _at(event.end, line, rate)
        return replace(event, start=start, end=end)
    return event


def leave_out(line: Line) -> None:
    """Passes over the pauses that a line has come to."""
    while line.pauses and line.pauses[0][0] <= line.sent:
        _, end = line.pauses.pop(0)
        if end > line.sent:
            line.cuts.append((line.given, line.left_out + end - line.sent))
            line.left_out += end - line.sent
            line.sent = end


def _moved(event: EngineEvent, shift: float) -> EngineEvent:
    if isinstance(event, Result):
        return event.moved(shift)
    if isinstance(event, SpeechBegan):
        return SpeechBegan(event.start + shift)
    if isinstance(event, Silent):
        return Silent(event.until + shift)
    if isinstance(event, Unheard):
        return replace(event, start=event.start + shift, end=event.end + shift)
    return event


def _placed(result: Result, line: Line, rate: int) -> Result:
    words = tuple(_placed_word(word, line, rate) for word in result.words)
    return structs.replace(
        result,
        words=words,
        start=words[0].start if words else _at(result.start, line, rate),
        end=max(_at(result.end, line, rate), words[-1].end if words else 0.0),
        until=None if result.until is None else _at(result.until, line, rate),
        exact=False,
    )


def _placed_word(word: Word, line: Line, rate: int) -> Word:
    """A word stays whole: it is on that side of a pause on which its middle is."""
    middle = (word.start + word.end) / 2
    return word.moved(_at(middle, line, rate) - middle)


def _at(seconds: float, line: Line, rate: int) -> float:
    """A time of the line's clock on the leg's. What ends where a pause began is before it."""
    left_out = 0
    for at, until_then in line.cuts:
        if seconds * rate <= at:
            break
        left_out = until_then
    return seconds + (line.base + left_out) / rate
