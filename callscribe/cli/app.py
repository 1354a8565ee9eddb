"""All commands together, and what becomes of an error.

May import ``logs``, ``errors``, ``collector`` and the rest of ``cli``.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from callscribe import __version__, logs
from callscribe.cli.output import complain
from callscribe.collector import undisturbed
from callscribe.errors import CallscribeError

HELP = """Callscribe writes down phone calls while they are spoken: each speaker a stream of their
own, interim words within half a second, on this machine or with Deepgram.

- `callscribe demo`: watch a made-up call being written down
- `callscribe serve`: start the server, then open its page
- `callscribe call technician.wav agent.wav`: ring at a server with recordings
- `callscribe transcribe call.mp3`: write down a recording
- `callscribe doctor`: see whether everything is in place
- `callscribe chaos`: try out a Deepgram client on a bad network

Settings come from the environment (CALLSCRIBE_HOST, DEEPGRAM_API_KEY, …); docs/reference lists
them. Every command explains itself with --help.
"""


COMMANDS: Final = ("serve", "transcribe", "demo", "call", "doctor", "chaos", "models")
"""Each lives in the file of ``cli`` that has its name."""


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each loaded when it is asked for: no other waits for what it needs."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}
        self._names = dict.fromkeys(COMMANDS)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's own class has no public name
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            with undisturbed():
                found = getattr(import_module(f"callscribe.cli.{name}"), name)
            self._loaded[name] = _build(name, found)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401 - as above
        self._names[name] = None
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _build(name: str, found: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(found, typer.Typer):
        return get_group_from_info(
            TyperInfo(found, name=name),
            pretty_exceptions_short=True,
            suggest_commands=True,
            rich_markup_mode="markdown",
        )
    return get_command_from_info(
        CommandInfo(name=name, callback=found),
        pretty_exceptions_short=True,
        rich_markup_mode="markdown",
    )


class _Group(TyperGroup):
    """Says an error of ours in a sentence; a traceback is for bugs."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the library's own signature
        super().__init__(**options)
        self.commands = _Commands()

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the library's own signature
        try:
            return super().invoke(ctx)
        except CallscribeError as error:
            complain(error.message)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            complain("stopped")
            raise typer.Exit(130) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"callscribe {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="callscribe",
    cls=_Group,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version)
    ] = False,
) -> None:
    logs.configure("warning")  # ``serve`` writes its log as the settings say


_options.__doc__ = HELP
