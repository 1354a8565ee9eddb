"""Tests of ``callscribe.export``."""
