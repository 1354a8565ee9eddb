"""Which of a leg's voices spoke: the labels that tell several people on one line apart.

An engine's labels hold within one of its connections, and a leg's within that leg; here they
become labels that are never given twice. Core: no I/O; may import ``transcript``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, MutableMapping, Sequence

from msgspec.structs import replace

from callscribe.transcript import Result, Word


class VoiceNumbers:
    """Labels that are taken, and new ones: numbers as text, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._taken)

    def take(self, label: str) -> None:
        """Notes that a label is in use."""
        self._taken.add(label)

    def new(self, wanted: str) -> str:
        """A label that nobody has: the one that is wanted where it is free."""
        label = wanted
        if label in self._taken:
            numbers = (int(taken) for taken in self._taken if taken.isdecimal())
            label = str(max(numbers, default=-1) + 1)
        self._taken.add(label)
        return label

    def add(self, wanted: str, names: MutableMapping[str, str]) -> str:
        """What ``wanted`` is called by ``names``, which gets a new label where it has none."""
        if wanted not in names:
            names[wanted] = self.new(wanted)
        return names[wanted]


def labels_of(result: Result) -> list[str]:
    """The labels of a result's words, each once, by their first words."""
    labels = (word.speaker_label for word in result.words)
    return list(dict.fromkeys(label for label in labels if label is not None))


def has_labels(words: Sequence[Word]) -> bool:
    """Whether somebody's voice is told from another's; mostly nobody's is."""
    for word in words:  # noqa: SIM110 - ten times a second on every leg: a generator takes longer
        if word.speaker_label is not None:
            return True
    return False


def relabelled(result: Result, name: Callable[[str], str | None]) -> Result:
    """The result with its words' labels replaced; one without labels stays as it is."""
    if not has_labels(result.words):
        return result
    names = {label: name(label) for label in labels_of(result)}
    if all(old == new for old, new in names.items()):
        return result
    words = tuple(
        word if word.speaker_label is None else word.labelled(names[word.speaker_label])
        for word in result.words
    )
    return replace(result, words=words)


class Voices:
    """The voices of a call: those of a speaker's later leg are not those of the one before."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, VoiceNumbers] = defaultdict(VoiceNumbers)

    def known(self, speaker: str, labels: Iterable[str]) -> None:
        """A speaker has these from before; nobody else gets them."""
        for label in labels:
            self._numbers[speaker].take(label)

    def named(self, result: Result, speaker: str, names: MutableMapping[str, str]) -> Result:
        """The result of a leg; ``names`` are that leg's voices, and grow."""
        return relabelled(result, lambda label: self._numbers[speaker].add(label, names))

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers."""
        numbers = self._numbers
        numbers[one], numbers[other] = numbers[other], numbers[one]
