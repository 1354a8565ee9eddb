"""Callscribe writes down live phone calls while they are spoken.

``import callscribe`` gives the promised classes; each is loaded when it is first asked for, so
that a program which only reads events does not load a recogniser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callscribe.engines.deepgram import (
        DeepgramStreamingConnection,
        DeepgramTranscriptionService,
    )
    from callscribe.engines.whisper import WhisperTranscriptionService
    from callscribe.service import EnhancedTranscriptionService
    from callscribe.settings import Settings, TranscriptionConfig

__version__ = "0.1.0"

__all__ = [
    "DeepgramStreamingConnection",
    "DeepgramTranscriptionService",
    "EnhancedTranscriptionService",
    "Settings",
    "TranscriptionConfig",
    "WhisperTranscriptionService",
    "__version__",
]

_HOMES = {
    "DeepgramStreamingConnection": "callscribe.engines.deepgram",
    "DeepgramTranscriptionService": "callscribe.engines.deepgram",
    "EnhancedTranscriptionService": "callscribe.service",
    "Settings": "callscribe.settings",
    "TranscriptionConfig": "callscribe.settings",
    "WhisperTranscriptionService": "callscribe.engines.whisper",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - it gives classes of many kinds
    if name not in _HOMES:
        raise AttributeError(f"module 'callscribe' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
