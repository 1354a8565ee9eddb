"""Measurements of Callscribe, run by ``make bench-…``; never part of the tests."""
