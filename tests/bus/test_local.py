"""What is particular to the bus in memory; its contract is in ``tests/contract/test_bus.py``."""

from __future__ import annotations

from callscribe.bus import create_bus
from callscribe.bus.local import LocalBus
from callscribe.events import Notice, SpeechStarted


def test_the_factory_gives_it() -> None:
    assert isinstance(create_bus(), LocalBus)


def test_a_listener_who_stands_still_holds_one_slot_a_kind_and_speaker() -> None:
    bus = LocalBus()
    idle = bus.subscribe("call")
    for seq in range(1, 10_001):
        bus.publish(
            SpeechStarted(
                session_id="call", seq=seq, at=0.0, speaker="agent", utterance_id="u", start=0.0
            )
        )
    assert len(idle._latest) == 1


def test_history_is_a_copy() -> None:
    bus = LocalBus()
    bus.publish(Notice(session_id="call", seq=1, at=0.0, code="n", message=""))
    bus.history("call").clear()
    assert len(bus.history("call")) == 1
