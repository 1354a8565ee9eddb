"""A clip heard once more, as exactly as the model can: in one window, with all its beams.

Runs in a thread. May import ``audio``, ``transcript`` and its own room.
"""

from __future__ import annotations

from typing import Final

from callscribe.audio import RATE, FloatArray
from callscribe.engines.whisper.decoder import WhisperDecoder, Window
from callscribe.engines.whisper.finals import FINAL_PADDING, best_final
from callscribe.transcript import Result, mean_confidence

WHOLE: Final = 30.0
"""Seconds of the model's window."""
BEAM: Final = 5


def decode_again(
    decoder: WhisperDecoder, audio: FloatArray, language: str, prompt: str = ""
) -> Result:
    """The words of up to 30 s at 16 kHz; ``auto`` detects the language first."""
    audio = audio[: int(WHOLE * RATE)]
    if language == "auto":
        language = decoder.detect_language(audio)[0]
    padding = min(FINAL_PADDING, WHOLE - len(audio) / RATE)
    window = Window(audio, language, padding, BEAM, prompt)
    found = best_final(decoder, [window])[0]
    return Result(
        text=found.text,
        start=found.words[0].start if found.words else 0.0,
        end=found.words[-1].end if found.words else 0.0,
        is_final=True,
        speech_final=True,
        words=found.words,
        confidence=mean_confidence(found.words),
        language=language,
    )
