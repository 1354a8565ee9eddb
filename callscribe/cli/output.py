"""What goes to the terminal: results to standard output, everything else to standard error.

May import ``errors`` and ``settings``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console

from callscribe.errors import ConfigurationError
from callscribe.settings import Settings

PREFIX: Final = "CALLSCRIBE_"

ALIKE: Final = 0.9
"""How alike two names are of which one is the other, mistyped; 1: the same."""


def screen() -> Console:
    """Standard output; plain lines where it is no terminal."""
    return Console(highlight=False, soft_wrap=True)


def side() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """An error, in a sentence."""
    side().print("[bold red]Error:[/] ", end="")
    side().print(message, markup=False)


def read_settings(**flags: object) -> Settings:
    """The settings of the environment; flags that are not None stand above it.

    ``ConfigurationError`` names the variable that has a wrong value, never the value. Of a variable
    that is named nearly like a setting it is said that it is none.
    """
    for name, meant in mistyped(os.environ):
        side().print(f"{name} is no setting and changes nothing; {meant} is one", style="yellow")
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise ConfigurationError(
            "; ".join(f"{_variable(item['loc'])}: {item['msg']}" for item in problems)
        ) from None


def mistyped(environment: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Variables of ours that are no settings, with the settings that are meant."""
    known = [_variable((field,)) for field in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            yield from ((name, meant) for meant in get_close_matches(name, known, 1, ALIKE))


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]).upper()
    return name if name.startswith("DEEPGRAM_") else f"{PREFIX}{name}"


@contextmanager
def byte_progress(*, quiet: bool = False) -> Iterator[Any]:
    """A bar for work counted in bytes; gives a callback ``(what, done, total)``.

    It shows only in a terminal, and only while there is something to wait for.
    """
    from rich.progress import (  # here: a server needs none
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = side()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None, visible=False)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None, visible=True)

        yield report
