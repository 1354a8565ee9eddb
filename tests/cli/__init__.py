"""Tests of ``callscribe.cli``."""
