"""The plot of a run, as SVG: legs against p99 latency and against CPU, a line for each gateway.

Its greys are legible on white and on black; the ground is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks.relay.table import by_level, middle
from benchmarks.relay.tally import WORST_P99_MS

WIDTH, HEIGHT = 860, 400
TOP, BOTTOM, LEFT, GAP = 74, 48, 56, 84
"""Pixels around the two panels."""
GREY: Final = "#7d8590"
COLOURS: Final = ("#d9480f", "#1c7ed6", "#2b8a3e", "#9c36b5", "#e08e0b", "#0c8599")
LEAST_MS, MOST_MS = 0.1, 10_000.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A place for lines: ``x`` and ``y`` turn values into pixels."""

    left: float
    title: str
    ticks: Sequence[float]
    x: Callable[[float], float]
    y: Callable[[float], float]


def plot(tries: Sequence[Mapping[str, Any]], said: Mapping[str, str]) -> str:
    """The picture of all tries, by their medians."""
    levels = sorted({one["legs"] for one in tries})
    names = list(dict.fromkeys(one["gateway"] for one in tries))
    wide = (WIDTH - LEFT - GAP - 12) / 2
    latency = Panel(
        LEFT,
        "added latency, p99, ms",
        [0.1, 1, 10, 100, 1000, 10_000],
        _scale(levels, LEFT, wide),
        _logarithmic,
    )
    second = LEFT + wide + GAP
    cpu = Panel(
        second, "CPU, % of one core", [0, 25, 50, 75, 100], _scale(levels, second, wide), _linear
    )
    parts = [*_frame(latency, levels, wide), *_frame(cpu, levels, wide)]
    parts += _limit(latency, wide)
    for place, name in enumerate(names):
        colour = COLOURS[place % len(COLOURS)]
        parts += _legend(place, said.get(name, name), colour)
        parts += _line(latency, _points(tries, name, "total_ms", "p99"), colour)
        parts += _line(cpu, _points(tries, name, "gateway_cpu_pct"), colour)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{GREY}">'
    )
    title = "<title>Legs on one core against added latency and CPU</title>"
    return "\n".join([head, title, *parts, "</svg>", ""])


def _points(tries: Sequence[Mapping[str, Any]], name: str, *path: str) -> list[Point]:
    found = [(legs, middle(some, *path)) for who, legs, some in by_level(tries) if who == name]
    return [(legs, value) for legs, value in found if value is not None]


def _scale(levels: Sequence[int], left: float, wide: float) -> Callable[[float], float]:
    most = max(levels, default=1)
    return lambda legs: left + wide * legs / most


def _logarithmic(ms: float) -> float:
    share = math.log10(min(max(ms, LEAST_MS), MOST_MS) / LEAST_MS) / math.log10(MOST_MS / LEAST_MS)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _linear(percent: float) -> float:
    return HEIGHT - BOTTOM - min(percent, 110) / 110 * (HEIGHT - TOP - BOTTOM)


def _frame(panel: Panel, levels: Sequence[int], wide: float) -> list[str]:
    right, ground = panel.left + wide, HEIGHT - BOTTOM
    parts = [_text(panel.left, TOP - 12, panel.title, "start")]
    for tick in panel.ticks:
        y = panel.y(tick)
        parts.append(_stroke(panel.left, y, right, y, GREY, 'stroke-opacity="0.3"'))
        parts.append(_text(panel.left - 6, y + 4, f"{tick:g}", "end"))
    parts.append(_stroke(panel.left, ground, right, ground, GREY, ""))
    free = -math.inf
    for legs in levels:
        x = panel.x(legs)
        parts.append(_stroke(x, ground, x, ground + 4, GREY, ""))
        if x > free:  # else its number would lie on its neighbour's
            parts.append(_text(x, ground + 18, str(legs), "middle"))
            free = x + 26
    parts.append(_text(panel.left + wide / 2, HEIGHT - 10, "legs", "middle"))
    return parts


def _limit(panel: Panel, wide: float) -> list[str]:
    y, right = panel.y(WORST_P99_MS), panel.left + wide
    dashed = 'stroke-dasharray="5 4"'
    return [
        _stroke(panel.left, y, right, y, GREY, dashed),
        _text(panel.left + 4, y - 5, f"{WORST_P99_MS:g} ms", "start"),
    ]


def _legend(place: int, name: str, colour: str) -> list[str]:
    x, y = LEFT + place % 3 * 270, 16 + place // 3 * 18
    return [
        _stroke(x, y - 4, x + 22, y - 4, colour, 'stroke-width="2.5"'),
        _text(x + 28, y, name, "start"),
    ]


def _line(panel: Panel, points: Sequence[Point], colour: str) -> list[str]:
    pixels = [(panel.x(legs), panel.y(value)) for legs, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in pixels]
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
        *dots,
    ]


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, more: str) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
