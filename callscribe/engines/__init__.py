"""The engines, and the one place that makes them by name."""

from __future__ import annotations

from callscribe.engines.base import TranscriptionEngine
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings

__all__ = ["create_engine"]


def create_engine(name: str, settings: Settings) -> TranscriptionEngine:
    """The engine of that name; it loads what it needs when the first leg comes.

    ``ConfigurationError`` with the reason where this deployment cannot use it.
    """
    if name == "whisper":
        # Imported here: a relay that only speaks to a cloud should not load a recogniser.
        from callscribe.engines.whisper import WhisperTranscriptionService
        from callscribe.engines.whisper.models import resolve_model

        return WhisperTranscriptionService(
            lambda: resolve_model(settings.whisper_model, settings.data_dir / "models"),
            threads=settings.whisper_threads,
            max_legs=settings.max_legs,
        )
    if name == "deepgram":
        if settings.deepgram_api_key is None:
            raise ConfigurationError(
                "no DEEPGRAM_API_KEY: Whisper on this machine listens", code="no_deepgram_key"
            )
        from callscribe.engines.deepgram import DeepgramEngine

        return DeepgramEngine(
            settings.deepgram_api_key.get_secret_value(),
            base_url=settings.deepgram_base_url,
            streams=settings.deepgram_streams,
            requests=settings.deepgram_requests,
        )
    raise ConfigurationError(f"there is no engine {name!r}; the engines are deepgram and whisper")
