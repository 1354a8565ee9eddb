"""The local engine: Whisper, streaming, on this machine's own cores."""

from callscribe.engines.whisper.connection import WhisperConnection
from callscribe.engines.whisper.service import WhisperTranscriptionService

__all__ = ["WhisperConnection", "WhisperTranscriptionService"]
