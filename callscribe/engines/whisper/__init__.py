"""The local engine: Whisper, streaming, on this machine's own cores."""

from callscribe.engines.whisper.service import WhisperConnection, WhisperTranscriptionService

__all__ = ["WhisperConnection", "WhisperTranscriptionService"]
