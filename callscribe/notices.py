"""What a person is told when engines come and go: notices in words, with their codes.

May import ``engines.base``.
"""

from __future__ import annotations

from typing import Final

from callscribe.engines.base import Deaf, Late, Listening, Lost, TakenOver

CALLED: Final = {
    "deepgram": "Deepgram",
    "deepgram_rest": "Deepgram, by requests,",
    "whisper": "Whisper",
}
"""What a person calls the engines."""


def who_listens(heard: Lost | Deaf | TakenOver | Listening | Late, speaker: str) -> dict[str, str]:
    """The fields of the notice that another engine listens to a speaker now, or none."""
    if isinstance(heard, Listening):
        message = f"{CALLED.get(heard.engine, heard.engine)} listens to {speaker} again."
        return {"code": "engine_back", "message": message, "engine": heard.engine}
    if isinstance(heard, Late):
        code, engine = "engine_late", heard.engine
        what = f"{CALLED.get(engine, engine)} was lost and listens to {speaker} again"
        caveat = f"The text is {heard.seconds:.0f} s late, and catches up."
    elif isinstance(heard, TakenOver):
        code, engine, caveat = "engine_taken_over", heard.engine, heard.caveat
        what = f"{CALLED.get(engine, engine)} listens to {speaker} now"
    else:
        code, engine, caveat = "engine_lost", "", ""
        what = f"Nobody listens to {speaker} any more"
    if isinstance(heard, Deaf) and heard.kept:
        code, what = "engine_away", f"Nobody listens to {speaker} just now"
        caveat = "What is said is kept for when an engine answers."
    elif isinstance(heard, Deaf):
        caveat = "The call goes on; what is said is a gap until an engine listens again."
    return {
        "code": code,
        "message": f"{what}: {heard.error.message}. {caveat}".rstrip(),
        "cause": heard.error.code,
        "request_id": getattr(heard.error, "request_id", ""),
        "engine": engine,
    }


def words_lost(speaker: str, start: float, end: float, reason: str) -> dict[str, str]:
    """The fields of the notice that a stretch (s of the call) is not written down."""
    span = f"from {start:.1f} to {end:.1f} s"
    said = f"What {speaker} may have said {span} is not written down: {reason}."
    return {"code": "words_lost", "message": said}


def heard_otherwise(speaker: str, start: float, end: float, caveat: str) -> dict[str, str]:
    """The fields of the notice that a gap (s of the call) was heard by a stand-in."""
    what = f"What {speaker} said from {start:.1f} to {end:.1f} s was heard later, by a stand-in."
    return {"code": "repaired_by_stand_in", "message": f"{what} {caveat}"}
