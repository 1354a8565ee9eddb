"""Tests of ``callscribe.demo``."""
