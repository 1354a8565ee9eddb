"""Deepgram as an engine: one persistent connection for each leg, or recordings by REST."""

from callscribe.engines.deepgram.connection import DeepgramStreamingConnection
from callscribe.engines.deepgram.either import DeepgramEngine
from callscribe.engines.deepgram.service import DeepgramTranscriptionService

__all__ = ["DeepgramEngine", "DeepgramStreamingConnection", "DeepgramTranscriptionService"]
