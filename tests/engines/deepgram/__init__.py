"""Tests of the engine that talks to Deepgram."""
