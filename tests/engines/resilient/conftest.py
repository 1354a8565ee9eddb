"""Legs in virtual time, with one engine and with two; the first one listens."""

from __future__ import annotations

import pytest

from tests.engines.resilient.simulation import FIRST, SECOND, Simulation, simulation


@pytest.fixture
def one() -> Simulation:
    sim = simulation(FIRST)
    sim.open(sim.asked[0])
    return sim


@pytest.fixture
def two() -> Simulation:
    sim = simulation(FIRST, SECOND)
    sim.open(sim.asked[0])
    return sim
