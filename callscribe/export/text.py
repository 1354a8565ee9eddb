"""A transcript as plain text: one utterance a line, with its time and its speaker.

May import ``gaps``, ``voices`` and ``transcript``.
"""

from __future__ import annotations

from callscribe.export.gaps import line_of
from callscribe.export.voices import by_voice
from callscribe.transcript import Gap, Transcript, Utterance


def to_text(transcript: Transcript) -> str:
    """Lines such as ``[00:01:05] technician: Bonjour.``; the time is the utterance's beginning.

    Of several people on one line each has lines of their own: ``technician (voice 1): Bonjour.``

    What nobody heard is a line too: ``[00:00:12] agent: [nobody heard 12.3–15.0 s: network]``.
    """
    return "".join(
        f"[{clock(item.start)}] {item.speaker}: {_said(item)}\n"
        for item in by_voice(transcript).in_order
    )


def clock(seconds: float) -> str:
    """Seconds as ``hh:mm:ss``, cut to the second."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _said(item: Utterance | Gap) -> str:
    return line_of(item) if isinstance(item, Gap) else " ".join(item.text.split())
