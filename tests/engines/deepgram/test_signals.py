"""Observers see each signal, and harm nothing."""

from __future__ import annotations

from callscribe.engines.deepgram.signals import Signals


def test_each_observer_is_told_and_one_that_raises_is_counted() -> None:
    signals = Signals("s")
    seen: list[object] = []
    signals.on("message", seen.append)
    signals.on("message", lambda _: 1 / 0)
    signals.on("message", seen.append)
    signals.on("close", seen.append)
    signals.send("message", "m")
    signals.send("open", "r")
    assert seen == ["m", "m"]
    assert signals.errors == 1
