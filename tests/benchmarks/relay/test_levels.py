"""The whole measurement, small: real processes, real sockets."""

from __future__ import annotations

import pytest

from benchmarks.relay.gateways import BARE, CALLSCRIBE, DIRECT, Gateway
from benchmarks.relay.levels import attempt


@pytest.mark.slow
@pytest.mark.parametrize("gateway", [CALLSCRIBE, *BARE, DIRECT], ids=lambda one: one.name)
def test_results_come_back_on_every_leg(gateway: Gateway) -> None:
    measured = attempt(gateway, 2, 2.0, burst=2, warm=0.2)
    assert "error" not in measured
    assert (measured["legs_closed"], measured["strays"]) == (0, 0)
    assert 0 < measured["up_ms"]["p50"] < measured["total_ms"]["p50"]
    assert measured["finals_ms"]
    assert measured["resident_mb"] > measured["idle_mb"] > 10
    burst = measured["burst"]
    assert (burst["up"], burst["refused"], burst["closed"]) == (2, 0, 0)


def test_a_gateway_that_does_not_start_is_an_error_of_its_try() -> None:
    broken = Gateway("broken", "broken", ("false",))
    assert attempt(broken, 2, 1.0)["faults"] == ["broken did not start"]
