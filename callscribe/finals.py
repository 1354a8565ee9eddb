"""What becomes of a final before it is told: leaks are marked, closed versions get a next number.

Core: no I/O; may import ``events``, ``leaks``, ``loudness`` and ``numbered``.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from callscribe.events import FinalResult
from callscribe.leaks import Leaks
from callscribe.loudness import Levels
from callscribe.numbered import Numbered


class Finals:
    """The finals of a call: which of them were closed, and which were heard through the air."""

    def __init__(self) -> None:
        self._leaks = Leaks()
        self._leaked: set[str] = set()
        self._closed = Numbered()
        """The utterances that were closed."""
        self._revisions: dict[str, int] = {}
        """The revision of each of these that was revised."""

    def known(self, final: FinalResult) -> None:
        """Notes what an earlier process has told."""
        if final.speech_final:
            self._close(final.utterance_id, final.revision)

    def swap(self, one: str, other: str) -> None:
        """Exchanges two speakers in all that was said."""
        self._leaks.swap(one, other)

    def is_leaked(self, utterance_id: str) -> bool:
        """Whether some of it was heard through the air: other words may not replace it then."""
        return utterance_id in self._leaked

    def add(self, final: FinalResult, levels: Levels | None) -> Iterator[FinalResult]:
        """What is to be told: the final, and those before about which it says something new.

        Each has its revision. ``levels`` is how loud the final's leg was meanwhile.
        """
        told = {final.utterance_id: final}
        for decision in self._leaks.add(final, levels):
            utterance_id = decision.said.utterance_id
            told[utterance_id] = decision.final
            if decision.leak_of or decision.leaked:
                self._leaked.add(utterance_id)
            else:
                self._leaked.discard(utterance_id)
        for utterance_id, said in told.items():
            late = said if utterance_id == final.utterance_id else replace(said, latency_ms=None)
            yield self._numbered(late)

    def _numbered(self, final: FinalResult) -> FinalResult:
        """A final that replaces a closed version has the next revision."""
        revision = 0
        if final.utterance_id in self._closed:
            revision = self._revisions.get(final.utterance_id, 0) + 1
        if final.speech_final:
            self._close(final.utterance_id, revision)
        return final if revision == final.revision else replace(final, revision=revision)

    def _close(self, utterance_id: str, revision: int) -> None:
        self._closed.add(utterance_id)
        if revision:
            self._revisions[utterance_id] = revision
