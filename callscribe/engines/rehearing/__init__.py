"""Finals that are unsure are heard again, by a more exact engine and with more around them."""

from callscribe.engines.rehearing.engine import RehearingEngine
from callscribe.engines.rehearing.hearers import Hearer

__all__ = ["Hearer", "RehearingEngine"]
