"""What was said in a call, in order: the latest as it is, what came before on a shelf.

Core; may import ``shelf`` and ``transcript``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from msgspec.structs import replace

from callscribe.shelf import Page, Shelf

if TYPE_CHECKING:
    from callscribe.transcript import Utterance

PAGE: Final = 8
"""Utterances that are packed together: a third of a millisecond's work."""
LATE: Final = 4
"""Utterances that stay as they are at least: nearly all that is revised, or asked for."""

_AS_WRITTEN: Final[Mapping[str, str]] = {}
"""The names of speakers who have not exchanged them."""


class _Packed(NamedTuple):
    """A page and what is known of its utterances without reading it. Times are in seconds."""

    page: Page
    place: int
    """The place of the first of them."""
    size: int
    """How many there are."""
    since: float
    """When the first of them began."""
    latest: float
    """When the last of them began."""
    until: float
    """When the one ended that ended last."""
    speakers: frozenset[str]
    names: Mapping[str, str]
    """What speakers are called now who are called otherwise in the page."""


class Said(Sequence["Utterance"]):
    """The utterances of a call, by their beginning.

    Those that are given at once stay as they are until ``pack``. A copy (``copy.copy``) shares what
    is packed: it costs next to nothing, and stays as it is. What is read from the shelf may raise
    ``OSError``; nothing is changed then.
    """

    __slots__ = ("_late", "_open", "_pages", "_shelf")

    def __init__(self, utterances: Iterable[Utterance] = (), shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._pages: list[_Packed] = []
        self._late: list[Utterance] = list(utterances)
        self._open: tuple[_Packed | None, Sequence[Utterance]] = (None, ())
        """The page that was read last."""

    @property
    def packed(self) -> int:
        """How many of them, the first ones, are packed."""
        return self._pages[-1].place + self._pages[-1].size if self._pages else 0

    @property
    def until(self) -> float:
        """When the one ends that ends last (s); 0 where there is none."""
        packed = [page.until for page in self._pages]
        return max([0.0, *packed, *[said.end for said in self._late]])

    def put(self, said: Utterance) -> int:
        """Puts an utterance in its place, behind all that did not begin later; gives the place."""
        late = self._late
        index = len(late)
        while index and late[index - 1].start > said.start:
            index -= 1
        if not index and self._pages and self._pages[-1].latest > said.start:
            return self._put_early(said)
        late.insert(index, said)
        place = self.packed + index
        self.pack()
        return place

    def drop(self, utterance_id: str, but: int = -1) -> None:
        """Takes out the latest one with this id, if there is one, ``but`` not that at a place."""
        for place, said in zip(range(len(self) - 1, -1, -1), reversed(self), strict=True):
            if said.utterance_id == utterance_id and place != but:
                self._take_out(place)
                return

    def rename(self, names: Mapping[str, str]) -> None:
        """Gives speakers other names."""
        self._late = [_named(said, names) for said in self._late]
        self._pages = [
            packed._replace(
                names={name: names.get(now, now) for name, now in _both(packed.names, names)},
                speakers=frozenset(names.get(name, name) for name in packed.speakers),
            )
            for packed in self._pages
        ]

    def pack(self) -> None:
        """Packs all but the latest."""
        while len(self._late) >= LATE + PAGE:
            self._pages.append(self._packed(self._late[:PAGE], self.packed))
            del self._late[:PAGE]

    def back(
        self, since: float = -inf, until: float = inf, but_by: str = ""
    ) -> Iterator[Utterance]:
        """From the latest on, without pages that nobody needs to read.

        Those in which nothing lies between two times (s), or nobody speaks ``but_by`` this speaker.
        Others of theirs may come all the same.
        """
        pages, late = self._pages[::-1], self._late[::-1]
        yield from late
        for packed in pages:
            if packed.until >= since and packed.since <= until and packed.speakers - {but_by}:
                yield from reversed(self._read(packed))

    def __len__(self) -> int:
        return self.packed + len(self._late)

    def __iter__(self) -> Iterator[Utterance]:
        pages, late = self._pages[:], self._late[:]
        for packed in pages:
            yield from self._read(packed)
        yield from late

    def __reversed__(self) -> Iterator[Utterance]:
        pages, late = self._pages[::-1], self._late[::-1]
        yield from late
        for packed in pages:
            yield from reversed(self._read(packed))

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> list[Utterance]: ...
    def __getitem__(self, index: int | slice) -> Utterance | list[Utterance]:
        if isinstance(index, slice):
            return list(self)[index]
        place = index + len(self) if index < 0 else index
        if place >= self.packed:
            return self._late[place - self.packed]
        if place < 0:
            raise IndexError(index)
        packed = self._pages[self._page_of(place)]
        return self._read(packed)[place - packed.place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as a list's

    def __repr__(self) -> str:
        return repr(list(self))

    def __copy__(self) -> Said:
        # What it packs itself is its own: it may be somebody's in another thread.
        other = Said(self._late)
        other._pages, other._open = self._pages[:], self._open
        return other

    def _packed(self, some: Sequence[Utterance], place: int) -> _Packed:
        if self._shelf is None:
            self._shelf = Shelf()
        # With a bound each: of what is no number nothing is known.
        starts = [said.start for said in some]
        return _Packed(
            self._shelf.put(some),
            place,
            len(some),
            since=min([inf, *starts]),
            latest=max([-inf, *starts]),
            until=max([-inf, *[said.end for said in some]]),
            speakers=frozenset(said.speaker for said in some),
            names=_AS_WRITTEN,
        )

    def _put_early(self, said: Utterance) -> int:
        """Puts one among those that are packed: seldom, as of a gap that was repaired late."""
        since = bisect_right(self._pages, said.start, key=lambda packed: packed.since)
        number = max(since - 1, 0)
        some = list(self._read(self._pages[number]))
        index = bisect_right(some, said.start, key=lambda one: one.start)
        some.insert(index, said)
        place = self._pages[number].place + index
        self._edit(number, some)
        return place

    def _take_out(self, place: int) -> None:
        if place >= self.packed:
            del self._late[place - self.packed]
            return
        number = self._page_of(place)
        some = list(self._read(self._pages[number]))
        del some[place - self._pages[number].place]
        self._edit(number, some)

    def _edit(self, number: int, some: list[Utterance]) -> None:
        """Has a page hold these instead, or two where they are many."""
        pages, former = self._pages, self._pages[number]
        middle = len(some) // 2 if len(some) >= 2 * PAGE else 0
        halves = [half for half in (some[:middle], some[middle:]) if half]
        new = [self._packed(half, former.place + middle * at) for at, half in enumerate(halves)]
        pages[number : number + 1] = new
        if new:
            self._open = (new[-1], halves[-1])
        more = len(some) - former.size
        for at in range(number + len(new), len(pages)):
            pages[at] = pages[at]._replace(place=pages[at].place + more)

    def _page_of(self, place: int) -> int:
        return bisect_right(self._pages, place, key=lambda packed: packed.place) - 1

    def _read(self, packed: _Packed) -> Sequence[Utterance]:
        known, found = self._open
        if known is None or known.page is not packed.page or known.names is not packed.names:
            found = packed.page.read()
            if packed.names:
                found = [_named(said, packed.names) for said in found]
            self._open = (packed, found)
        return found


def _both(former: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each name that any of two renamings is about, and what the former makes of it."""
    for name in {**former, **now}:
        yield name, former.get(name, name)


def _named(said: Utterance, names: Mapping[str, str]) -> Utterance:
    return replace(said, speaker=names[said.speaker]) if said.speaker in names else said
