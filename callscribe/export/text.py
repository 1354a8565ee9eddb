"""A transcript as plain text: one utterance a line, with its time and its speaker.

May import ``transcript``.
"""

from __future__ import annotations

from callscribe.transcript import Transcript


def to_text(transcript: Transcript) -> str:
    """Lines such as ``[00:01:05] technician: Bonjour.``; the time is the utterance's beginning."""
    return "".join(
        f"[{clock(utterance.start)}] {utterance.speaker}: {' '.join(utterance.text.split())}\n"
        for utterance in transcript.utterances
    )


def clock(seconds: float) -> str:
    """Seconds as ``hh:mm:ss``, cut to the second."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
