"""A transcript as WebVTT captions, each cue in its speaker's voice.

May import ``cues``, ``srt``, ``voices`` and ``transcript``.
"""

from __future__ import annotations

from callscribe.export.cues import voice_cues
from callscribe.export.srt import render
from callscribe.export.voices import by_voice
from callscribe.transcript import Transcript


def to_vtt(transcript: Transcript) -> str:
    """WebVTT text; every cue is ``<v speaker>words``. Times are ``hh:mm:ss.mmm``."""
    cues = voice_cues(by_voice(transcript))
    texts = [
        f"<v {_escape(' '.join(cue.speakers[0].split()))}>" + _escape("\n".join(cue.lines))
        for cue in cues
    ]
    return render(cues, texts, "vtt")


def _escape(text: str) -> str:
    """Characters that WebVTT would read as markup, written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
