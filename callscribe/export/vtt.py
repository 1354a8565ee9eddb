"""A transcript as WebVTT captions, each cue in its speaker's voice.

May import ``transcript``.
"""

from __future__ import annotations

from callscribe.export.cues import make_cues
from callscribe.export.srt import render
from callscribe.transcript import Transcript


def to_vtt(transcript: Transcript) -> str:
    """WebVTT text; every cue is ``<v speaker>words``. Times are ``hh:mm:ss.mmm``."""
    cues = make_cues(transcript, named=False)
    texts = [
        f"<v {_escape(' '.join(cue.speaker.split()))}>" + _escape("\n".join(cue.lines))
        for cue in cues
    ]
    return render(cues, texts, "vtt")


def _escape(text: str) -> str:
    """Characters that WebVTT would read as markup, written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
