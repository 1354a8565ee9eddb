"""A transcript as SubRip captions, each cue with its speaker's name.

May import ``cues``, ``voices`` and ``transcript``.
"""

from __future__ import annotations

from callscribe.export.cues import Cue, turn_cues
from callscribe.export.voices import SHORT, by_voice
from callscribe.transcript import Transcript

BACKSLASH = "\ue000"
"""Stands for a backslash on the way through the library, which would read ``\\N`` as a new line."""


def to_srt(transcript: Transcript) -> str:
    """SRT text; cues are named and never overlap, see ``turn_cues``. Times ``hh:mm:ss,mmm``."""
    cues = turn_cues(by_voice(transcript, SHORT))
    # SRT has no escaping: an arrow in the words must not look like a line of times.
    texts = ["\n".join(cue.lines).replace("-->", "->") for cue in cues]
    return render(cues, texts, "srt")


def render(cues: list[Cue], texts: list[str], format_: str) -> str:
    """Cues with these texts in the library's ``srt`` or ``vtt`` form, the texts as they are."""
    from pysubs2 import SSAEvent, SSAFile  # here: a server answers before it writes captions

    subtitles = SSAFile()
    subtitles.events = [
        SSAEvent(cue.start_ms, cue.end_ms, text.replace("\\", BACKSLASH))
        for cue, text in zip(cues, texts, strict=True)
    ]
    return subtitles.to_string(format_, keep_ssa_tags=True).replace(BACKSLASH, "\\")
