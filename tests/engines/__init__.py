"""Tests of ``callscribe.engines``."""
