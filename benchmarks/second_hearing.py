"""Unsure finals heard again: how many words that mends, how many it harms, and what it costs.

    python -m benchmarks.second_hearing [--calls fr,en] [--seconds 600] [--keep FILE]

Plays the calls of CALLSCRIBE_CORPUS, or the demo calls where that is not set, at the pace of speech
into the local engine, hears every final again as a running leg would, and tells for a row of
thresholds what comes of it where only what is less sure than that is heard again. A call's first
two letters are its language.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faster_whisper import WhisperModel
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.calls import SPEAKERS, Heard, Leg, calls_folder, play, read_leg, reference
from callscribe.engines.rehearing.choice import Choice
from callscribe.engines.rehearing.clip import Clip, Hearing, surest
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.again import decode_again
from callscribe.engines.whisper.decoder import WhisperDecoder
from callscribe.engines.whisper.models import resolve_model
from callscribe.transcript import Result, Word, join_text, mean_confidence
from callscribe.wer import word_errors

EVERYTHING = 1.1
"""A threshold under which every final lies."""
THRESHOLDS = (0.0, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, EVERYTHING)


@dataclass(frozen=True)
class Pair:
    """A final, what replaces it if it is heard again, and the CPU seconds of that."""

    first: Result
    then: tuple[Word, ...] | None
    """None: nothing, the first hearing stands."""
    cost: float

    @property
    def second(self) -> str:
        """The text after the second hearing."""
        if self.then is None:
            return self.first.text
        return join_text(word.text for word in self.then)


def hear_again(decoder: WhisperDecoder, heard: Heard) -> list[Pair]:
    """Every final of a leg once more, each as soon as a running leg would have."""
    leg, choice, kept = heard.leg, Choice(), 0.0
    pairs: list[Pair] = []

    def catch_up(now: float, *, ended: bool = False) -> None:
        nonlocal kept
        while (clip := choice.take(now, kept_from=kept, ended=ended)) is not None:
            pairs.append(decode(decoder, leg, clip))
            kept = max(kept, choice.needed_from(now))

    for at, result in heard.results:
        if not result.is_final:
            continue
        now = min(at, leg.seconds)
        while choice.due_at is not None and choice.due_at < now:
            catch_up(choice.due_at)
        choice.add(result, "whisper", again=bool(result.words))
        kept = max(kept, choice.needed_from(now))
        catch_up(now)
    catch_up(leg.seconds, ended=True)
    return pairs


def decode(decoder: WhisperDecoder, leg: Leg, clip: Clip) -> Pair:
    """What a second hearing makes of one final."""
    began = time.process_time()
    hearings = [listen(decoder, leg, clip)]
    if clip.target > 0 and not hearings[0].is_clear:
        hearings.append(listen(decoder, leg, clip.onwards))
    best = surest(hearings)
    took = time.process_time() - began
    return Pair(clip.final, None if best is None else best.words, took)


def listen(decoder: WhisperDecoder, leg: Leg, clip: Clip) -> Hearing:
    """A clip heard once."""
    stretches = [
        leg.samples[round(piece.start * leg.rate) : round(piece.end * leg.rate)]
        for piece in clip.pieces
    ]
    found = decode_again(decoder, clip.audio(stretches, leg.rate), leg.call[:2])
    return Hearing(clip, clip.words(found.words))


def changes(leg: Leg, pairs: Sequence[Pair]) -> list[int]:
    """By how many the word errors of the whole leg grow where one final alone is replaced."""
    texts = [pair.first.text for pair in pairs]
    before = _wrong(leg, texts)
    found = []
    for index, pair in enumerate(pairs):
        other = [*texts[:index], pair.second, *texts[index + 1 :]]
        found.append(_wrong(leg, other) - before)
    return found


def _wrong(leg: Leg, texts: Sequence[str]) -> int:
    errors = word_errors(leg.text, " ".join(texts))
    return errors.substitutions + errors.deletions + errors.insertions


def table(legs: Sequence[tuple[Leg, list[Pair]]], wholes: Sequence[float]) -> Table:
    """A row for each threshold."""
    out = Table(title="Finals heard again, by threshold", title_justify="left")
    names = [f"{leg.call} {leg.speaker}" for leg, _ in legs]
    for name in ("under", "heard again", "replaced", "mended", "harmed", "CPU a s of speech"):
        out.add_column(name, justify="right")
    for name, whole in zip(names, wholes, strict=True):
        out.add_column(f"{name}\n(whole {100 * whole:.1f})", justify="right")
    deltas = [changes(leg, pairs) for leg, pairs in legs]
    speech = sum(leg.speech for leg, _ in legs)
    for below in THRESHOLDS:
        chosen = [
            [mean_confidence(pair.first.words) < below for pair in pairs] for _, pairs in legs
        ]
        rates = []
        for (leg, pairs), picked in zip(legs, chosen, strict=True):
            texts = [
                pair.second if yes else pair.first.text
                for pair, yes in zip(pairs, picked, strict=True)
            ]
            rates.append(f"{100 * word_errors(leg.text, ' '.join(texts)).rate:.1f}")
        flat = [
            (pair, delta)
            for (_, pairs), picked, growth in zip(legs, chosen, deltas, strict=True)
            for pair, yes, delta in zip(pairs, picked, growth, strict=True)
            if yes
        ]
        out.add_row(
            "all" if below == EVERYTHING else f"{below:.2f}",
            str(len(flat)),
            str(sum(pair.second != pair.first.text for pair, _ in flat)),
            str(-sum(min(delta, 0) for _, delta in flat)),
            str(sum(max(delta, 0) for _, delta in flat)),
            f"{sum(pair.cost for pair, _ in flat) / speech:.2f}",
            *rates,
        )
    return out


async def gather(names: Sequence[str], seconds: float, models: Path) -> list[Heard]:
    """The calls played one after the other, both legs at once."""
    service = WhisperTranscriptionService(lambda: resolve_model("base", models), max_legs=2)
    await service.start()
    found: list[Heard] = []
    try:
        for name in names:
            legs = [read_leg(calls_folder() / name, name, one, seconds) for one in SPEAKERS]
            found += await asyncio.gather(*(play(service, leg) for leg in legs))
    finally:
        await service.close()
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default="fr,en", help="which calls (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each call, at most")
    parser.add_argument("--keep", type=Path, help="keep what was heard first, or take it from here")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    asked = parser.parse_args()
    if asked.keep and asked.keep.exists():
        heard = pickle.loads(asked.keep.read_bytes())  # noqa: S301 - it was written here
    else:
        heard = asyncio.run(gather(asked.calls.split(","), asked.seconds, asked.models))
        if asked.keep:
            asked.keep.write_bytes(pickle.dumps(heard))
    folder = resolve_model("base", asked.models)
    decoder = WhisperDecoder(folder, threads=1)
    legs = [(one.leg, hear_again(decoder, one)) for one in track(heard, "hearing again")]
    model = WhisperModel(str(folder), compute_type="int8")
    wholes = [reference(model, leg)[0] for leg, _ in track(legs, "whole tracks")]
    Console(width=200).print(table(legs, wholes))


if __name__ == "__main__":
    main()
