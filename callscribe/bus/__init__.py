"""The bus wing: ``base`` is the contract, ``create_bus`` the door."""

from __future__ import annotations

from callscribe.bus.base import Bus, Subscription
from callscribe.bus.local import LocalBus
from callscribe.shelf import Shelf

__all__ = ["Bus", "Subscription", "create_bus"]


def create_bus(shelf: Shelf | None = None) -> Bus:
    """The bus of this deployment: one process, so it lives there; old events go to ``shelf``."""
    return LocalBus(shelf)
