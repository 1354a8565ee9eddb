"""Tests of the server that speaks Deepgram's protocol."""
