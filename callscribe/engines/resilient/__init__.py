"""An engine made of engines: replay, reconnection, fallback. What others need is here."""

from callscribe.engines.resilient.ask import caveat
from callscribe.engines.resilient.engine import ResilientEngine
from callscribe.engines.resilient.onset import Onset
from callscribe.engines.resilient.rules import Patience, Rung

__all__ = ["Onset", "Patience", "ResilientEngine", "Rung", "caveat"]
