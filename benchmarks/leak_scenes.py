"""Scenes for the leak benchmark: a loudspeaker beside a microphone, two people who say the same.

Made by calculation from real speech, the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from benchmarks.calls import Leg as Track
from callscribe.audio import RATE

Own = Literal["apart", "over", "none"]
"""Where the agent speaks: in turn with the technician, over him, or not at all."""

Same = Literal["at once", "half behind", "read back", "short"]
"""How two people say the same words. ``short``: the likes of "d'accord"."""

VOICE: Final = 1.12
"""How much faster, and higher, the second person speaks."""

Wave = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What is done to a call. ``gain`` dB and ``delay`` ms make a leak, ``same`` two who agree."""

    gain: float = 0.0
    delay: float = 0.0
    dull: bool = False
    """Through a small loudspeaker (2.5 kHz) and a room (0.3 s of reverberation)."""
    own: Own = "apart"
    same: Same | None = None


@dataclass
class Scene:
    """A case as audio, with what is said on either leg, by time on the call clock."""

    tracks: dict[str, Track]
    leaks: list[dict[str, float]] = field(default_factory=list)
    """Where the agent's leg hears the technician."""


def cases(*, full: bool) -> list[Case]:
    """A walk through the grid in which every gain meets every kind of delay; or all of it."""
    gains, delays = (-6.0, -12.0, -18.0, -24.0, -30.0), (20.0, 150.0, 400.0)
    owns: tuple[Own, ...] = ("apart", "over", "none")
    same: tuple[Same, ...] = ("at once", "half behind", "read back", "short")
    if full:
        leaks = [
            Case(g, d, b, o) for g in gains for d in delays for b in (True, False) for o in owns
        ]
    else:
        leaks = [
            Case(gain, delay, (g + d) % 2 == 0, owns[(g + 2 * d) % 3])
            for g, gain in enumerate(gains)
            for d, delay in enumerate(delays)
            if g < 3 or d == g % 3
        ]
    return [Case(), *leaks, *(Case(same=how) for how in same)]


def scene(case: Case, agent: Track, technician: Track) -> Scene:
    """The call with a leak in it, or with two who say the same."""
    mine, theirs = _wide(agent), _wide(technician)
    said = list(agent.utterances)
    if case.own == "none":
        rng = np.random.default_rng(3)
        mine, said = rng.normal(size=len(mine)) * 10.0, []
    elif case.own == "over":
        mine, said = _moved_over(mine, said, technician.utterances)
    leaks: list[dict[str, float]] = []
    if case.gain:
        heard = through_the_air(theirs) if case.dull else theirs
        late = case.delay / 1000
        _mix(mine, heard * 10 ** (case.gain / 20), late)
        leaks = [
            {"start": u["start"] + late, "end": u["end"] + late} for u in technician.utterances
        ]
    legs = {"agent": (mine, said), "technician": (theirs, list(technician.utterances))}
    if case.same == "short":
        _say_too(legs["technician"], legs["agent"], case.same)
    elif case.same:
        _say_too(legs["agent"], legs["technician"], case.same)
    tracks = {
        name: replace(track, rate=RATE, samples=_narrow(legs[name][0]), utterances=legs[name][1])
        for name, track in (("agent", agent), ("technician", technician))
    }
    return Scene(tracks, leaks)


def _wide(track: Track) -> Wave:
    return np.asarray(soxr.resample(track.samples.astype(np.float64), track.rate, RATE))


def _narrow(wave: Wave) -> NDArray[np.int16]:
    return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


def _mix(into: Wave, heard: Wave, at: float) -> None:
    first = int(at * RATE)
    part = heard[: max(len(into) - first, 0)]
    into[first : first + len(part)] += part


def _moved_over(
    wave: Wave, said: Sequence[dict[str, object]], over: Sequence[dict[str, float]]
) -> tuple[Wave, list[dict[str, object]]]:
    """The agent's utterances, each begun in the middle of one of the technician's."""
    rng = np.random.default_rng(3)
    moved, spoken = rng.normal(size=len(wave)) * 10.0, []
    free = 0.0
    for mine, theirs in zip(said, over, strict=False):
        start, end = float(str(mine["start"])), float(str(mine["end"]))
        at = max((theirs["start"] + theirs["end"]) / 2, free)
        free = at + end - start + 0.5
        _mix(moved, wave[int(start * RATE) : int(end * RATE)], at)
        spoken.append({**mine, "start": at, "end": at + end - start})
    return moved, spoken


def through_the_air(wave: Wave) -> Wave:
    """From a small loudspeaker (nothing above 2.5 kHz, gently) through a small room.

    The room has 0.3 s of reverberation.
    """
    time = np.arange(RATE // 4) / RATE
    room = np.random.default_rng(7).normal(size=len(time)) * np.exp(-time * 6.9 / 0.3)
    room *= 0.35 / np.sqrt((room**2).sum())
    room[0] += 1
    decay = np.exp(-2 * np.pi * 2500 / RATE)
    loudspeaker = (1 - decay) * decay ** np.arange(200)
    for filtering in (room, loudspeaker, loudspeaker):
        size = len(wave) + len(filtering)
        wave = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(filtering, size), size)
        wave = wave[: size - len(filtering)]
    return wave


_Spoken = tuple[Wave, list[dict[str, object]]]


def _say_too(who: _Spoken, other: _Spoken, how: Same) -> None:
    """Has one person say what the other does, in another voice and as loud as usual."""
    wave, said = who
    usual = _loud(who) / _loud(other)
    mine = [(float(str(u["start"])), float(str(u["end"]))) for u in said]
    for utterance in list(other[1]):
        start, end = float(str(utterance["start"])), float(str(utterance["end"]))
        if (end - start < 1.0) != (how == "short"):
            continue
        voice = soxr.resample(other[0][int(start * RATE) : int(end * RATE)], RATE * VOICE, RATE)
        lasts = len(voice) / RATE
        behind = {"half behind": 1.0, "read back": end - start + 0.2}.get(how, 0.1)
        at = start + behind
        if how != "short" and any(s < at + lasts and e > at for s, e in mine):
            continue  # the speaker's own words stand there
        _mix(wave, np.asarray(voice) * usual, at)
        said.append({**utterance, "start": at, "end": at + lasts})


def _loud(spoken: _Spoken) -> float:
    """How loud somebody speaks, as a root mean square."""
    wave, said = spoken
    times = [(float(str(u["start"])), float(str(u["end"]))) for u in said]
    parts = [wave[int(start * RATE) : int(end * RATE)] for start, end in times]
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
