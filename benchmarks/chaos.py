"""What faults on the way to Deepgram cost a call: words lost, doubled or moved, text that stops.

    python -m benchmarks.chaos [--calls fr,en,demo-fr] [--seconds 60 | --whole] [--seeds 1]
        [--faults drops,stall] [--ladders full,none] [--heard-once] [--forgetful]
        [--json FILE]

Each call is played through Callscribe at the pace of speech. Our own server with Whisper is in
Deepgram's place, in a process of its own; the chaos proxy stands before it. Every number is against
the same call undisturbed in the same run; that call once more, undisturbed again, shows how much of
a difference means nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.calls import DEMO, SPEAKERS, Leg, calls_folder, read_leg
from benchmarks.chaos_play import HeardLeg, Run, Scene, play
from benchmarks.chaos_words import compare, inside, longest_without_text, outside
from benchmarks.machine import QUIET
from benchmarks.upstream import Upstream, upstream
from callscribe import logs
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.wer import word_errors

MODELS = Path("data/models")
LADDERS: dict[str, tuple[str, ...]] = {"full": ("deepgram_rest", "whisper"), "none": ()}
CALM = Scene("undisturbed")
AGAIN = Scene("undisturbed again")
WIDTH = 132
SILENT = 3.0
"""Seconds of speech that may pass without text."""
POINTS = 0.5
"""By which the word error rate may differ, in points."""
COUNTS = (
    "lost", "unsaid", "doubled", "moved", "extra", "merged", "other", "in_gaps", "gaps"
)  # fmt: skip


def scenes(seed: int, seconds: float) -> dict[str, Scene]:
    """Every fault by its short name; the seed decides the moment."""
    at = round(seconds * Random(seed).uniform(0.2, 0.4), 1)  # noqa: S311 - no secret
    both = f"@{at}/1-2"
    return {
        "drops": Scene("a drop every 5 s", ("drop@5",)),
        "busy": Scene("429 for 20 s", (f"drop{both}", f"refuse:429@{at}+20")),
        "stall": Scene("a stall", (f"stall:down{both}",)),
        "half-open": Scene("a half-open socket", (f"half-open{both}",)),
        "garble": Scene("garbled messages", ("garble~10",)),
        "killed": Scene("server killed, started again", kill_at=at),
        "revoked": Scene("key revoked", (f"drop{both}", f"refuse:401@{at}")),
    }


def read_call(name: str, seconds: float) -> list[Leg]:
    """Both legs of a call, each cut where an utterance has ended; ``demo-fr`` is a demo call."""
    demo = name.startswith("demo-")
    language = name.removeprefix("demo-")
    folder = (DEMO if demo else calls_folder()) / language
    return [_cut(read_leg(folder, language, speaker, seconds)) for speaker in SPEAKERS]


def _cut(leg: Leg) -> Leg:
    """Without the utterance that was cut, whose script is not there."""
    end = max((u["end"] for u in leg.utterances), default=leg.seconds)
    return replace(leg, samples=leg.samples[: int((end + 0.3) * leg.rate)])


def measure(heard: HeardLeg, calm: HeardLeg) -> dict[str, Any]:
    """What became of one leg."""
    found = compare(calm.words, heard.words)
    gaps = list(heard.gaps)
    told = [*gaps, (heard.closed_at, heard.leg.seconds)] if heard.closed_at else gaps
    spoken = [(u["start"], u["end"]) for u in heard.leg.utterances]
    errors = word_errors(heard.leg.text, heard.text)
    silent, silent_until = longest_without_text(spoken, heard.shown)
    return {
        "speaker": heard.leg.speaker,
        "words": len(calm.words),
        "lost": len(found.lost),
        "unsaid": len(outside(found.lost, told)),
        "doubled": len(found.doubled),
        "moved": len(found.moved),
        "extra": len(found.extra),
        "merged": len(found.merged),
        "other": len(found.other),
        "in_gaps": len(inside(heard.words, gaps)),
        "gaps": len(gaps),
        "gap_seconds": sum(end - start for start, end in gaps),
        "closed_at": heard.closed_at,
        "silent": silent,
        "silent_until": silent_until,
        "errors": errors.errors,
        "script": errors.words,
        "evidence": {
            "lost": found.lost,
            "doubled": found.doubled,
            "moved": found.moved,
            "extra": found.extra,
            "merged": found.merged,
            "gaps": gaps,
            "notices": heard.notices,
        },
    }


def row(ladder: str, call: str, seed: int, run: Run, calm: Run) -> dict[str, Any]:
    """One run against the undisturbed one."""
    pairs = zip(run.legs, calm.legs, strict=True)
    legs = [measure(heard, before) for heard, before in pairs]
    return {
        "ladder": ladder,
        "call": call,
        "seed": seed,
        "fault": run.scene.name,
        "faults": [
            *run.scene.faults,
            *([f"kill@{run.scene.kill_at}"] if run.scene.kill_at else []),
        ],
        "legs": legs,
        "others": run.others,
        "load": run.load,
        "happenings": [f"#{h.connection} {h.second:.2f} {h.what}" for h in run.happenings],
    }


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of the same fault added up."""
    legs = [leg for one in rows for leg in one["legs"]]
    added: dict[str, Any] = {name: sum(leg[name] for leg in legs) for name in COUNTS}
    return {
        **added,
        "words": sum(leg["words"] for leg in legs),
        "gap_seconds": sum(leg["gap_seconds"] for leg in legs),
        "silent": max(leg["silent"] for leg in legs),
        "wer": 100 * sum(leg["errors"] for leg in legs) / sum(leg["script"] for leg in legs),
        "others": max(one["others"] for one in rows),
        "load": max(one["load"] for one in rows),
        "closed": sum(leg["closed_at"] is not None for leg in legs),
    }


def reached(found: dict[str, Any], calm: dict[str, Any], ladder: str) -> dict[str, bool]:
    """Which goals were met. Without a fallback a lost word has to lie in a gap, and none beside."""
    goals = {
        "lost": (found["unsaid"] if ladder == "none" else found["lost"]) == 0,
        "doubled": found["doubled"] == 0,
        "moved": found["moved"] == 0,
    }
    if ladder == "none":
        return {**goals, "gaps": found["in_gaps"] == 0}
    near = found["wer"] - calm["wer"] <= POINTS
    return {**goals, "gaps": found["gaps"] == 0, "wer": near, "silent": found["silent"] <= SILENT}


def show(console: Console, ladder: str, rows: Sequence[dict[str, Any]]) -> None:
    """The table of one configuration, with the goals beside."""
    of = {"full": "streaming, requests, Whisper", "none": "no fallback"}[ladder]
    table = Table(title=f"Faults: {of}", title_justify="left")
    heads = ("fault", "words", "lost", "in no gap", "doubled", "moved", "other", "gaps", "s")
    for name in (*heads, "WER %", "silent s", "load", "others %"):
        table.add_column(name, justify="left" if name == "fault" else "right")
    mine = [one for one in rows if one["ladder"] in (ladder, "")]
    calm = total([one for one in mine if one["fault"] == CALM.name])
    for fault in dict.fromkeys(one["fault"] for one in mine):
        found = total([one for one in mine if one["fault"] == fault])
        met = reached(found, calm, ladder) if fault not in (CALM.name, AGAIN.name) else {}
        table.add_row(*_cells(fault, found, met))
    none = ladder == "none"
    goals = ["goal", "", "in gaps" if none else "0", "0", "0", "0", "", "as made" if none else "0"]
    table.add_row(*goals, "", "" if none else f"±{POINTS}", "" if none else f"≤ {SILENT:g}", "", "")
    console.print(table)


def _cells(fault: str, found: dict[str, Any], met: dict[str, bool]) -> Iterator[str]:
    def cell(name: str, text: str) -> str:
        return text if name not in met else f"{text} {'✓' if met[name] else '✗'}"

    yield f"{fault}{' (leg closed)' if found['closed'] else ''}"
    yield str(found["words"])
    yield cell("lost", str(found["lost"]))
    yield str(found["unsaid"])
    yield cell("doubled", str(found["doubled"]))
    yield cell("moved", str(found["moved"]))
    yield str(found["other"] + found["extra"] + found["merged"])
    yield cell("gaps", str(found["gaps"]))
    yield f"{found['gap_seconds']:.1f}"
    yield cell("wer", f"{found['wer']:.1f}")
    yield cell("silent", f"{found['silent']:.1f}")
    yield f"{found['load']:.1f}"
    yield f"{found['others']:.0f}"


Turn = tuple[str, int, Scene]


def turns(faults: Sequence[str], ladders: Sequence[str], seeds: int, seconds: float) -> list[Turn]:
    """What a call is played with: configuration, seed, scene; twice undisturbed first."""
    found: list[Turn] = [("", 0, CALM), ("", 0, AGAIN)]
    for ladder in ladders:
        for seed in range(1, seeds + 1):
            every = scenes(seed, seconds)
            found += [(ladder, seed, every[name]) for name in faults]
    return found


async def measure_all(asked: argparse.Namespace, server: Upstream) -> list[dict[str, Any]]:
    """Every call with every fault."""
    local = WhisperTranscriptionService(lambda: resolve_model("base", MODELS), max_legs=4)
    await local.start()
    rows: list[dict[str, Any]] = []
    seconds = float("inf") if asked.whole else asked.seconds
    calls = {name: read_call(name, seconds) for name in asked.calls}
    plan: dict[str, list[Turn]] = {}
    for name, legs in calls.items():
        length = max(leg.seconds for leg in legs)
        plan[name] = turns(asked.faults, asked.ladders, asked.seeds, length)
    most = sum(len(plan[n]) * max(leg.seconds for leg in legs) for n, legs in calls.items())
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    try:
        await play(read_call("demo-fr", 5.0), CALM, server, local, ())  # both have loaded then
        with Progress(*columns) as progress:
            bar = progress.add_task("", total=most)
            for name, legs in calls.items():
                calm: Run | None = None
                for ladder, seed, scene in plan[name]:
                    progress.update(bar, description=f"{name} {ladder} {scene.name}")
                    run = await play(
                        legs, scene, server, local, LADDERS[ladder or "full"],
                        seed=seed, heard_once=asked.heard_once,
                        step=lambda went: progress.advance(bar, went),
                    )  # fmt: skip
                    calm = calm or run
                    rows.append(row(ladder, name, seed, run, calm))
    finally:
        await local.close()
    return rows


def main() -> None:
    """Measures and prints."""
    known = list(scenes(0, 60))
    corpus = "fr,en,demo-fr" if os.environ.get("CALLSCRIBE_CORPUS") else "demo-fr,demo-en"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default=corpus, help="which (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how much of each call")
    parser.add_argument("--whole", action="store_true", help="all of each call")
    parser.add_argument("--seeds", type=int, default=1, help="how many moments for each fault")
    parser.add_argument("--faults", default=",".join(known), help="which (default: all)")
    parser.add_argument("--ladders", default="full,none", help="with fallbacks, without")
    parser.add_argument("--heard-once", action="store_true", help="nothing unsure is heard again")
    parser.add_argument(
        "--forgetful",
        action="store_true",
        help="in Deepgram's place each utterance is heard by itself, as on a new connection",
    )
    parser.add_argument("--json", type=Path, help="write every run to this file too")
    asked = parser.parse_args()
    for name in ("calls", "faults", "ladders"):
        setattr(asked, name, [part for part in getattr(asked, name).split(",") if part])
    if unknown := {*asked.faults} - {*known} | {*asked.ladders} - {*LADDERS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; faults: {', '.join(known)}")
    logs.configure("error")
    console = Console(width=max(Console().width, WIDTH))
    program = "benchmarks.forgetful" if asked.forgetful else "callscribe"
    with upstream(program, "serve", models=MODELS) as server:
        rows = asyncio.run(measure_all(asked, server))
    for ladder in asked.ladders:
        show(console, ladder, rows)
    console.print(
        "lost: nothing is written where the word was said; moved: wrong in time by more than "
        "0.5 s; other: heard differently. Both rows undisturbed: the same "
        "call twice, to compare with."
    )
    disturbed = max(one["others"] for one in rows)
    if disturbed > QUIET:
        console.print(
            f"[bold]The machine was not quiet:[/] others took {disturbed:.0f} % of a core."
        )
    if asked.json:
        asked.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
