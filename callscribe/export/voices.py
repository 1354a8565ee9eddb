"""A transcript in which several people on one line are speakers of their own.

Where one voice alone is known of a speaker, or none, nothing changes. May import ``transcript``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec.structs import replace

from callscribe.transcript import Transcript, Utterance, Word, mean_confidence

NAMED = "{} (voice {})"
"""How a voice is called, by its speaker and its label."""
SHORT = "{} {}"
"""The same where there is little room; no speaker's name has a space."""


def by_voice(transcript: Transcript, name: str = NAMED) -> Transcript:
    """The same words, cut where the voice changes, each part under its voice's name."""
    voices: defaultdict[str, set[str]] = defaultdict(set)
    for said in transcript.utterances:
        voices[said.speaker].update(w.speaker_label for w in said.words if w.speaker_label)
    several = {speaker for speaker, labels in voices.items() if len(labels) > 1}
    if not several:
        return transcript
    parts: list[Utterance] = []
    for said in transcript.utterances:
        parts += _parts(said, name) if said.speaker in several else [said]
    parts.sort(key=lambda said: said.start)
    return Transcript(transcript.session_id, parts, transcript.gaps)


def _parts(said: Utterance, name: str) -> Iterator[Utterance]:
    """The utterance cut into stretches of one voice; whole where its words are not its text."""
    places = _places(said.text, said.words)
    if places is None or not said.words:
        yield said
        return
    at = 0
    for label, group in groupby(said.words, key=lambda word: word.speaker_label):
        words = tuple(group)
        end = at + len(words)
        text = said.text[places[at] if at else 0 : places[end] if end < len(places) else None]
        yield replace(
            said,
            speaker=said.speaker if label is None else name.format(said.speaker, label),
            text=text.strip(),
            start=words[0].start if at else said.start,
            end=words[-1].end if end < len(places) else said.end,
            words=words,
            confidence=mean_confidence(words),
        )
        at = end


def _places(text: str, words: Sequence[Word]) -> list[int] | None:
    """Where each word begins in the text; None where one is not in it."""
    places = []
    at = 0
    for word in words:
        place = text.find(word.text.strip(), at)
        if place < 0:
            return None
        places.append(place)
        at = place + len(word.text.strip())
    return places
