"""Tests of ``callscribe.engines.whisper``."""
