"""What was said in a call, in order: the latest as it is, what came before on a shelf.

Core; may import ``shelf`` and ``transcript``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from callscribe.shelf import Page, Shelf

if TYPE_CHECKING:
    from callscribe.transcript import Utterance

PAGE: Final = 8
"""Utterances that are packed together: a third of a millisecond's work."""
AT_ONCE: Final = 4
"""Pages that are packed with one utterance that comes, at most."""
LATE: Final = 4
"""Utterances that stay as they are at least: nearly all that is revised, or asked for."""


class _Packed(NamedTuple):
    """A page and what is known of its utterances without reading it."""

    page: Page
    first: int
    """The place of the first of them."""
    size: int
    """How many there are."""
    since: float
    """When the first of them began (s)."""
    until: float
    """When the last of them ended (s)."""


class Said(Sequence["Utterance"]):
    """The utterances of a call, by their beginning.

    Those that are given at once are taken in their order, and packed bit by bit as others come.
    A copy (``copy.copy``) shares what is packed: it costs next to nothing, and stays as it is.
    """

    __slots__ = ("_late", "_open", "_pages", "_shelf")

    def __init__(self, utterances: Iterable[Utterance] = (), shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._pages: list[_Packed] = []
        self._late: list[Utterance] = list(utterances)
        self._open: tuple[Page | None, Sequence[Utterance]] = (None, ())
        """The page that was read last."""

    @property
    def packed(self) -> int:
        """How many of them, the first ones, are packed."""
        return self._pages[-1].first + self._pages[-1].size if self._pages else 0

    @property
    def until(self) -> float:
        """When the one ends that ends last (s); 0 where there is none."""
        packed = [page.until for page in self._pages]
        return max([0.0, *packed, *[said.end for said in self._late]])

    def put(self, said: Utterance) -> None:
        """Puts an utterance in its place: behind all that did not begin later."""
        late = self._late
        index = len(late)
        while index and late[index - 1].start > said.start:
            index -= 1
        if not index and self._pages and self[self.packed - 1].start > said.start:
            self._put_early(said)
            return
        late.insert(index, said)
        self._pack()

    def drop(self, utterance_id: str) -> bool:
        """Takes out the latest one with this id; whether there was one."""
        for place, said in zip(range(len(self) - 1, -1, -1), reversed(self), strict=True):
            if said.utterance_id == utterance_id:
                self._take_out(place)
                return True
        return False

    def change_all(self, change: Callable[[Utterance], Utterance]) -> None:
        """Replaces each by what becomes of it."""
        self._late = [change(said) for said in self]
        self._pages.clear()
        self._pack()

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
        return self._read(packed)[place - packed.first]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as a list's

    def __repr__(self) -> str:
        return repr(list(self))

    def __copy__(self) -> Said:
        other = Said(self._late, self._shelf)
        other._pages, other._open = self._pages[:], self._open
        return other

    def _pack(self) -> None:
        # Not all of a long call at once, where one was read or changed: the loop would stand still.
        for _ in range(AT_ONCE):
            if len(self._late) < LATE + PAGE:
                break
            self._pages.append(self._packed(self._late[:PAGE], self.packed))
            del self._late[:PAGE]

    def _packed(self, some: Sequence[Utterance], first: int) -> _Packed:
        until = max(said.end for said in some)
        return _Packed(self._shelf.put(some), first, len(some), some[0].start, until)

    def _put_early(self, said: Utterance) -> None:
        """Puts one among those that are packed: seldom, as of a gap that was repaired late."""
        since = bisect_right(self._pages, said.start, key=lambda packed: packed.since)
        number = max(since - 1, 0)
        some = list(self._read(self._pages[number]))
        some.insert(bisect_right(some, said.start, key=lambda one: one.start), said)
        self._edit(number, some)

    def _take_out(self, place: int) -> None:
        if place >= self.packed:
            del self._late[place - self.packed]
            return
        number = self._page_of(place)
        some = list(self._read(self._pages[number]))
        del some[place - self._pages[number].first]
        self._edit(number, some)

    def _edit(self, number: int, some: list[Utterance]) -> None:
        """Has a page hold these instead."""
        pages, former = self._pages, self._pages[number]
        pages[number : number + 1] = [self._packed(some, former.first)] if some else []
        more = len(some) - former.size
        for at in range(number + bool(some), len(pages)):
            pages[at] = pages[at]._replace(first=pages[at].first + more)

    def _page_of(self, place: int) -> int:
        return bisect_right(self._pages, place, key=lambda packed: packed.first) - 1

    def _read(self, packed: _Packed) -> Sequence[Utterance]:
        page, found = self._open
        if page is not packed.page:
            found = packed.page.read()
            self._open = (packed.page, found)
        return found
