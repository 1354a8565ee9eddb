"""What the sink "hears": messages of Deepgram's protocol, ready made, for every 100 ms of audio.

A second's audio is one segment: nine interims that grow, then the final; every third final ends an
utterance. They are as long as Deepgram's (1.2 kB) and made by one replacement in ready bytes, so
that a sink of 800 legs does not wait for itself.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from benchmarks.relay import marks
from callscribe.wire import deepgram as dg

STEP: Final = 100
"""Milliseconds of audio between two results."""
SEGMENT: Final = 1000
"""Milliseconds between two finals."""
UTTERANCE: Final = 3
"""Finals of an utterance."""
WORDS: Final = ("the", "man", "on", "the", "line", "said", "that", "it", "was", "late")

_SECOND: Final = "77777"
"""Stands for the second in ready bytes."""
_MARK: Final = "l0 m0 r0"


def result(
    leg: int, begun: int, until: int, sent_ns: int, *, last: bool = False, asked: bool = False
) -> bytes:
    """A ``Results`` for the audio from ``begun`` to ``until`` (ms of the stream).

    It is final at the end of a segment, and where it is the ``last`` or was ``asked`` for by
    ``Finalize``.
    """
    second, rest = divmod(begun, SEGMENT)
    is_final = last or asked or until % SEGMENT == 0
    mark = marks.write(leg, until, sent_ns, final=is_final)
    if last or asked or rest:  # the clock of the segments is another: rare, so it may cost
        spoken = _spell(begun / 1000, (until - begun) / 1000, is_final, is_final, asked)
        return spoken.replace(_MARK.encode(), mark)
    ends = (second + 1) % UTTERANCE == 0
    ready = _ready((until - begun) // STEP, ends)
    return ready.replace(_SECOND.encode(), b"%d" % second).replace(_MARK.encode(), mark)


def metadata(request_id: str, ms: float) -> bytes:
    """The last message of a stream."""
    message = dg.Metadata(
        request_id=request_id,
        transaction_key="deprecated",
        sha256="0" * 64,
        created="2026-01-01T00:00:00.000Z",
        duration=ms / 1000,
        channels=1,
    )
    return message.encode().encode()


@cache
def _ready(step: int, ends: bool) -> bytes:
    """The result after ``step`` tenths of the second that is yet to be put in."""
    is_final = step * STEP == SEGMENT
    return _spell(float(_SECOND), step * STEP / 1000, is_final, is_final and ends, False)


def _spell(start: float, seconds: float, final: bool, ends: bool, asked: bool) -> bytes:
    each = seconds * 0.99 / len(WORDS)  # the last one ends within its second
    words = [
        dg.Word(
            word=word,
            start=round(start + index * each, 3),
            end=round(start + (index + 0.9) * each, 3),
            confidence=0.98,
            punctuated_word=word,
        )
        for index, word in enumerate(WORDS)
    ]
    text = f"{_MARK} {' '.join(WORDS)}"
    message = dg.Results(
        start=start,
        duration=seconds,
        is_final=final,
        speech_final=ends,
        from_finalize=asked,
        channel=dg.Channel(
            alternatives=[dg.Alternative(transcript=text, confidence=0.98, words=words)]
        ),
        metadata=dg.ResultsMetadata(
            request_id="0" * 36,
            model_info=dg.ModelInfo(name="sink", version="0", arch="none"),
            model_uuid="0" * 36,
        ),
    )
    return message.encode().encode()
