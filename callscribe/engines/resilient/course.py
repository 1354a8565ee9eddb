"""How a connection's clock runs on the leg's: from where it began, past what was left out.

A connection counts what it was given. Where somebody pauses for long, kept audio is left out of
that, and what it says of later is later on the leg by as much. May import ``engines.base``,
``transcript`` and its own room.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from callscribe.engines.base import EngineEvent, Silent, SpeechBegan, Unheard
from callscribe.engines.resilient.actions import Cut, Line
from callscribe.transcript import Result, Word


def on_leg(event: EngineEvent, line: Line, rate: int) -> EngineEvent:
    """What the engine of a line says, on the leg's clock."""
    if isinstance(event, Result):
        return placed(event, line, rate)
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
            left_out = line.left_out + end - line.sent
            line.cuts.append(Cut(line.given, line.sent, left_out))
            line.sent = end


def given_since(line: Line, place: int) -> int:
    """Samples of the leg from ``place`` on that a line was sent, not counting what was left out."""
    before, place = 0, max(place, line.base)
    for cut in reversed(line.cuts):
        if cut.place < place:
            before, place = cut.left_out, max(place, line.base + cut.at + cut.left_out)
            break
    return line.sent - place - (line.left_out - before)


def backlog(result: Result, line: Line, received: int, rate: int) -> float:
    """How many seconds after it had come a line was sent the audio of a result.

    ``received`` samples of the leg have come.
    """
    late = received - line.sent
    if line.cuts:
        end = min(round(result.end * rate), line.sent)
        late += line.sent - end - given_since(line, end)
    return late / rate


def placed(result: Result, line: Line, rate: int) -> Result:
    """A result of a line, on the leg's clock.

    Words stay whole, and the result begins and ends with them as it did.
    """
    if not line.cuts:
        return result.moved(line.base / rate)
    words = tuple(_placed_word(word, line, rate) for word in result.words)
    if words:
        start = result.start + words[0].start - result.words[0].start
        end = result.end + words[-1].end - result.words[-1].end
    else:
        start, end = _at(result.start, line, rate), _at(result.end, line, rate)
    until = None if result.until is None else _at(result.until, line, rate)
    return structs.replace(result, words=words, start=start, end=end, until=until, exact=False)


def _placed_word(word: Word, line: Line, rate: int) -> Word:
    """A word is on that side of a pause on which its middle is."""
    middle = (word.start + word.end) / 2
    return word.moved(_at(middle, line, rate) - middle)


def _at(seconds: float, line: Line, rate: int) -> float:
    """A time of the line's clock on the leg's. What ends where a pause began is before it."""
    own = seconds * rate
    left_out = next((cut.left_out for cut in reversed(line.cuts) if cut.at < own), 0)
    return seconds + (line.base + left_out) / rate
