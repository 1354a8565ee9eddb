"""A call on the terminal as it happens: a column for each speaker, or plain lines.

May import ``view`` and ``output``.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from callscribe.cli.view import CallView, Line

COLOURS = ("cyan", "yellow", "magenta", "green")


class CallScreen:
    """Shows a ``CallView``: in a terminal all of it, anew; elsewhere a line for each utterance.

    ``seconds`` is the call's length, where it is known. Use it as a context manager.
    """

    def __init__(
        self, console: Console, view: CallView, title: str, seconds: float | None = None
    ) -> None:
        self._console, self._view = console, view
        self._title, self._seconds = title, seconds
        self._live: Live | None = None
        self._said = 0
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def finished(self, line: Line) -> None:
        """An utterance is complete: printed where lines are printed."""
        if self._live is None:
            self._console.print(line_text(line, self._view.speakers), soft_wrap=True)

    def refresh(self, now: float) -> None:
        """Draws the call as it is ``now`` (s on the call clock)."""
        for notice in self._view.notices[self._said :]:
            self._console.print(notice, style="dim", markup=False)
        self._said = len(self._view.notices)
        if self._live is not None:
            self._live.update(self.drawing(now, *self._console.size), refresh=True)

    def drawing(self, now: float, width: int, height: int) -> ConsoleRenderable:
        """The head and as many of the latest utterances as fit."""
        speakers = self._view.speakers
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", width=5, style="dim")
        for index, speaker in enumerate(speakers):
            table.add_column(
                Text(self._heading(speaker), style=f"bold {colour(index)}"),
                ratio=1,
                overflow="fold",
            )
        column = max(10, (width - 7) // max(1, len(speakers)) - 2)
        for line in latest(list(self._view.lines()), column, height - 4):
            cells: list[Text] = [Text()] * len(speakers)
            cells[speakers.index(line.speaker)] = words_of(line, speakers)
            table.add_row(minutes(line.start), *cells)
        until = f" of {minutes(self._seconds)}" if self._seconds else ""
        head = Text.assemble(("● ", "red"), self._title, (f"  {minutes(now)}{until}", "dim"))
        return Group(head, Text(), table)

    def _heading(self, speaker: str) -> str:
        lag = self._view.lags.get(speaker)
        return speaker if lag is None else f"{speaker}  {max(lag, 0.0):.1f} s behind"


def latest(lines: list[Line], width: int, height: int) -> list[Line]:
    """The last lines that fit into so many rows of text of this width; at least one."""
    kept: list[Line] = []
    for line in reversed(lines):
        height -= -(-len(line.text) // width)
        if height < 0 and kept:
            break
        kept.insert(0, line)
    return kept


def line_text(line: Line, speakers: list[str]) -> Text:
    """An utterance on one line: when, who, how it came about and how late it was complete."""
    widest = max(map(len, speakers), default=0)
    lag = "" if line.lag is None else f"{max(line.lag, 0.0):.1f} s"
    behind = ", ".join(filter(None, (line.note, lag)))
    return Text.assemble(
        (f"[{minutes(line.start)}] ", "dim"),
        (f"{line.speaker:{widest}}  ", colour(speakers.index(line.speaker))),
        line.text,
        (f"  ({behind})" if behind else "", "dim"),
    )


def words_of(line: Line, speakers: list[str]) -> Text:
    """What is final in the speaker's colour, what may change dimmed."""
    tint = colour(speakers.index(line.speaker))
    return Text.assemble((f"{line.settled} " if line.settled else "", tint), (line.tail, "dim"))


def colour(index: int) -> str:
    """The colour of the speaker with this number."""
    return COLOURS[index % len(COLOURS)]


def minutes(seconds: float) -> str:
    """``mm:ss``."""
    whole = max(0, int(seconds))
    return f"{whole // 60:02d}:{whole % 60:02d}"
