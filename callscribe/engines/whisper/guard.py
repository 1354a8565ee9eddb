"""What the decoder invents: repetition loops, phantom phrases, words after the speech.

Imports ``transcript`` and its own room only.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Final

from callscribe.engines.whisper.agreement import bare
from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.transcript import Word

PHANTOMS: Final = (
    "sous titres realises par la communaute d amara org",
    "sous titres realises para la communaute d amara org",
    "sous titrage st 501",
    "sous titrage societe radio canada",
    "sous titrage mfp",
    "merci d avoir regarde cette video",
    "merci d avoir regarde la video",
    "abonnez vous",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subtitles by the amara org community",
    "untertitel der amara org community",
    "subtitulos realizados por la comunidad de amara org",
    "gracias por ver el video",
    "vielen dank furs zuschauen",
)
"""What Whisper has learnt to write under silence and music in its training data."""

FILLERS: Final = frozenset(
    {"you", "thank you", "thanks", "bye", "merci", "so", "okay", "oh", "mmm", "hmm", "the", "i",
     "eh", "ah", "oui", "bonjour", "au revoir", "a bientot", "je"}
)  # fmt: skip
"""Short texts that are as often invented as said: believed only with good evidence."""


def plain(text: str) -> str:
    """Lower case without accents and punctuation, single spaces."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    return " ".join(kept.split())


def is_phantom(text: str) -> bool:
    """The whole text, or most of it, is a phrase that nobody says on a telephone."""
    said = plain(text)
    return any(phrase in said and len(phrase) >= 0.5 * len(said) for phrase in PHANTOMS)


def repeats(words: Sequence[Word]) -> bool:
    """A loop: the same one to twelve words again and again without a break.

    One word four times, two to four words three times, more words twice.
    """
    bares = [bare(word.text) for word in words]
    for size in range(1, min(12, len(bares) // 2) + 1):
        times = 4 if size == 1 else 3 if size < 5 else 2
        run = 0
        for index in range(size, len(bares)):
            run = run + 1 if bares[index] == bares[index - size] else 0
            if run >= size * (times - 1):
                return True
    return False


def is_suspect(hypothesis: Hypothesis) -> bool:
    """Should be decoded again with the full window: it loops, runs past its audio or its bound."""
    return hypothesis.truncated or repeats(hypothesis.words) or overruns(hypothesis)


def overruns(hypothesis: Hypothesis) -> bool:
    """More words than the audio has room for: the alignment squeezes the last ones into nothing."""
    squeezed = [word for word in hypothesis.words[-3:] if word.end - word.start < 0.021]
    return len(squeezed) >= 2 and squeezed[-1].end > hypothesis.seconds - 0.1


def believable(hypothesis: Hypothesis, evidence: float) -> bool:
    """Whether a hypothesis may be shown, ``evidence`` being the seconds the VAD heard speech.

    The surer the VAD, the less is asked of the decoder.
    """
    if not hypothesis.words or is_phantom(hypothesis.text):
        return False
    said = plain(hypothesis.text)
    if not said:
        return False
    surest = math.exp(hypothesis.log_probability)
    share = evidence / max(hypothesis.seconds, 0.5)
    if evidence < 0.2 or share < 0.12:
        return surest > 0.6 and hypothesis.no_speech < 0.3 and said not in FILLERS
    if said in FILLERS and evidence < 0.45:
        return surest > 0.5 and hypothesis.no_speech < 0.5
    if share < 0.3:
        return surest > max(0.45, _needed(hypothesis.no_speech)) and hypothesis.no_speech < 0.6
    # Where somebody speaks for sure, badly understood is still better than left out in silence.
    least = 0.2 if evidence >= 0.8 and share >= 0.35 else 0.3
    return surest > max(least, _needed(hypothesis.no_speech))


def _needed(no_speech: float) -> float:
    """How sure of its words the model must be, the surer it is that nobody speaks.

    Up to a point: a window that begins inside a sentence may look like no speech to it.
    """
    return min(0.2 + 2.25 * max(no_speech - 0.4, 0.0), 0.65)


def trim_tail(words: Sequence[Word], speech_end: float) -> tuple[Word, ...]:
    """Drops unsure words that begin only after the speech has ended."""
    kept = list(words)
    while kept and kept[-1].start > speech_end + 0.2 and kept[-1].confidence < 0.5:
        kept.pop()
    return tuple(kept)
