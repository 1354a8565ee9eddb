"""Leaks of one leg into the other, and two people who say the same: what is marked, what is not.

    python -m benchmarks.leaks [--calls fr,en] [--seconds 40] [--full]

Real speech and the real recogniser over ``leak_scenes``. Reads the calls of CALLSCRIBE_CORPUS, or
the demo calls where that is not set. Each case is recognised once and then judged in several ways:
by words and clocks alone and by level too, with the leak's finals told first, with a clock that is
wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.calls import Leg as Track
from benchmarks.calls import calls_folder, read_leg
from benchmarks.leak_scenes import Case, Scene, cases, scene
from callscribe.audio import RATE, FloatArray, Resampler, to_float
from callscribe.bus.local import LocalBus
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.events import FinalResult
from callscribe.ledger import Ledger
from callscribe.leg import Leg
from callscribe.record import Record
from callscribe.transcript import Result, Word
from callscribe.wer import normalize


@dataclass(frozen=True)
class Score:
    """Words on the leg that hears too much."""

    leaked: int = 0
    found: int = 0
    own: int = 0
    lost: int = 0
    """Own words that were taken for a leak."""

    def __add__(self, other: Score) -> Score:
        return Score(
            self.leaked + other.leaked,
            self.found + other.found,
            self.own + other.own,
            self.lost + other.lost,
        )

    @property
    def precision(self) -> float:
        """The share of leaks in what was marked."""
        marked = self.found + self.lost
        return self.found / marked if marked else 1.0

    @property
    def recall(self) -> float:
        """The share of leaked words that was marked."""
        return self.found / self.leaked if self.leaked else 1.0

    def __str__(self) -> str:
        """``found/leaked −lost``."""
        return f"{self.found}/{self.leaked} −{self.lost}"


async def recognise(engine: WhisperTranscriptionService, track: Track) -> list[Result]:
    """What the recogniser hears on a leg."""
    audio = to_float(Resampler(track.rate).push(track.samples, last=True))

    async def blocks() -> AsyncIterator[FloatArray]:
        for at in range(0, len(audio), RATE):
            yield audio[at : at + RATE]

    return await engine.transcribe_blocks(blocks(), track.call)


def transcribed(
    made: Scene,
    heard: dict[str, list[Result]],
    *,
    levels: bool = True,
    leak_first: bool = False,
    clock: float = 0.0,
) -> list[FinalResult]:
    """What stands at the end of the call.

    ``leak_first``: the agent's leg is always recognised sooner. ``clock``: seconds by which the
    agent's leg is placed too late.
    """
    bus = LocalBus()
    record = Record("bench", Ledger(bus, lambda: 0.0))
    legs = {}
    for name, track in made.tracks.items():
        leg = Leg(name, sample_rate=track.rate, language="", engine="", since=0, on_begin=_nothing)
        leg.offset = 1.0 + (clock if name == "agent" else 0.0)
        legs[name] = leg
    sooner = -5.0 if leak_first else 0.1
    turn = {"agent": sooner, "technician": 0.0}
    order = sorted(
        ((result.end + turn[name], name, result) for name in heard for result in heard[name]),
        key=lambda item: item[:2],
    )
    for _, name, result in order:
        if levels:
            _play(legs[name], made.tracks[name], result.end + 0.6)
        record.hear(legs[name], result)
    told = [event for event in bus.history("bench") if isinstance(event, FinalResult)]
    return list({final.utterance_id: final for final in told}.values())


def _nothing(leg: Leg, seconds: float) -> None:
    """These legs are placed already."""


def _play(leg: Leg, track: Track, until: float) -> None:
    """Brings a leg's audio up to a time, in the frames of a telephone."""
    size = track.rate // 50
    while leg.seconds < min(until, track.seconds):
        frame = track.samples[leg.received : leg.received + size]
        leg.take(frame.astype("<i2").tobytes())


def score(
    made: Scene,
    heard: dict[str, list[Result]],
    stands: Iterable[FinalResult],
    *,
    clock: float = 0.0,
) -> Score:
    """How the words of both legs were judged; leaks are on the agent's leg alone."""
    result = Score()
    for name, track in made.tracks.items():
        offset = 1.0 + (clock if name == "agent" else 0.0)
        kept = {
            (word.text, round(word.start, 2))
            for final in stands
            if final.speaker == name and not final.leak_of
            for word in final.words
        }
        for word in (word for r in heard[name] for word in r.words):
            leaked = name == "agent" and _is_leak(word, made, track)
            gone = (word.text, round(word.start + offset, 2)) not in kept
            if leaked is None:
                continue
            if leaked:
                result += Score(leaked=1, found=int(gone))
            else:
                result += Score(own=1, lost=int(gone))
    return result


def _is_leak(word: Word, made: Scene, track: Track) -> bool | None:
    """Whose word it is; None where both speak and both, or neither, say it."""
    own = list(_around(word, track.utterances))
    other = [
        said
        for said, leak in zip(made.tracks["technician"].utterances, made.leaks, strict=False)
        if list(_around(word, [leak]))
    ]
    if not own or not other:
        return bool(other) if own or other else None
    mine, theirs = _says(own, word), _says(other, word)
    return None if mine == theirs else theirs


def _around(word: Word, said: Iterable[dict[str, object]]) -> Iterator[dict[str, object]]:
    middle = (word.start + word.end) / 2
    for u in said:
        if float(str(u["start"])) - 0.3 <= middle <= float(str(u["end"])) + 0.3:
            yield u


def _says(said: Iterable[dict[str, object]], word: Word) -> bool:
    words = {folded for u in said for folded in normalize(str(u["text"]))}
    return bool(words & set(normalize(word.text)))


def judged(made: Scene, heard: dict[str, list[Result]]) -> dict[str, Score]:
    """A case by each way of judging it."""
    ways: dict[str, tuple[bool, bool, float]] = {
        "words alone": (False, False, 0.0),
        "with level": (True, False, 0.0),
        "leak told first": (True, True, 0.0),
        "words, clock 0.2 s early": (False, False, -0.2),
        "level, clock 0.2 s early": (True, False, -0.2),
    }
    return {
        way: score(
            made,
            heard,
            transcribed(made, heard, levels=levels, leak_first=first, clock=clock),
            clock=clock,
        )
        for way, (levels, first, clock) in ways.items()
    }


@asynccontextmanager
async def recogniser(models: Path) -> AsyncIterator[WhisperTranscriptionService]:
    """The engine for as long as it is needed."""
    engine = WhisperTranscriptionService(lambda: resolve_model("base", models))
    try:
        yield engine
    finally:
        await engine.close()


async def measure(
    calls: Sequence[str], seconds: float, models: Path, *, full: bool
) -> list[tuple[str, Case, dict[str, Score]]]:
    """Every case of every call."""
    found = []
    async with recogniser(models) as engine:
        for call in calls:
            agent, technician = (
                read_leg(calls_folder() / call, call, who, seconds)
                for who in ("agent", "technician")
            )
            known: dict[bytes, list[Result]] = {}
            for case in cases(full=full):
                made = scene(case, agent, technician)
                heard = {}
                for name, track in made.tracks.items():
                    key = track.samples.tobytes()
                    if key not in known:
                        known[key] = await recognise(engine, track)
                    heard[name] = known[key]
                found.append((call, case, judged(made, heard)))
    return found


def label(case: Case) -> str:
    """The row of the table to which a case belongs."""
    if case.same:
        return f"both say it, {case.same}"
    if not case.gain:
        return "no leak"
    return f"{case.gain:.0f} dB" if case.own != "over" else f"{case.gain:.0f} dB, spoken over"


def show(found: Sequence[tuple[str, Case, dict[str, Score]]]) -> None:
    """The table; its last rows are the sums."""
    ways = list(found[0][2])
    rows: dict[str, dict[str, Score]] = {}
    for _, case, scores in found:
        for name in (label(case), "all"):
            row = rows.setdefault(name, dict.fromkeys(ways, Score()))
            for way in ways:
                row[way] += scores[way]
    rows["all"] = rows.pop("all")
    title = "leaked words that were marked, of those recognised; −own words marked"
    table = Table(title=title, title_justify="left")
    for name in ("", *ways):
        table.add_column(name)
    for name, row in rows.items():
        table.add_row(name, *(str(row[way]) for way in ways))
    for what in ("precision", "recall"):
        table.add_row(what, *(f"{getattr(rows['all'][way], what):.3f}" for way in ways))
    Console(width=150).print(table)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", default="fr,en", help="which calls (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=40.0, help="how much of each call (default: %(default)s)"
    )
    parser.add_argument("--full", action="store_true", help="the whole grid; takes half an hour")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    show(asyncio.run(measure(asked.calls.split(","), asked.seconds, asked.models, full=asked.full)))


if __name__ == "__main__":
    main()
