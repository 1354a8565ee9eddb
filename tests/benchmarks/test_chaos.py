"""The calls that faults are made in."""

from __future__ import annotations

from math import inf

import pytest

from benchmarks.chaos import LADDERS, read_call, scenes, turns


def test_a_call_is_cut_behind_an_utterance_or_played_whole() -> None:
    some, whole = read_call("demo-fr", 10.0), read_call("demo-fr", inf)
    for short, leg in zip(some, whole, strict=True):
        assert 0 < short.seconds <= 10.3
        assert leg.seconds > 30
        assert leg.utterances[: len(short.utterances)] == short.utterances
        assert leg.seconds >= leg.utterances[-1]["end"]


def test_each_fault_is_played_for_each_seed_and_ladder() -> None:
    plan = turns(["drops", "stall"], list(LADDERS), 2, 40.0)
    assert [scene.name for _, _, scene in plan[:2]] == ["undisturbed", "undisturbed again"]
    assert len(plan) == 2 + 2 * 2 * len(LADDERS)
    moments = {scene.faults for _, _, scene in plan if scene.name == "a stall"}
    assert len(moments) == 2, "the seed decides"


@pytest.mark.parametrize("seed", range(5))
def test_faults_come_while_the_call_goes_on(seed: int) -> None:
    for scene in scenes(seed, 40.0).values():
        assert bool(scene.faults) != bool(scene.kill_at)
        assert scene.kill_at is None or 8 <= scene.kill_at <= 16
