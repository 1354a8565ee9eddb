"""All commands together, and what becomes of an error. May import the rest of ``cli``."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from callscribe import __version__, logs
from callscribe.cli.call import call
from callscribe.cli.chaos import chaos
from callscribe.cli.demo import demo
from callscribe.cli.doctor import doctor
from callscribe.cli.models import models
from callscribe.cli.output import complain
from callscribe.cli.serve import serve
from callscribe.cli.transcribe import transcribe
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


class _Group(TyperGroup):
    """Says an error of ours in a sentence; a traceback is for bugs."""

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
for command in (serve, transcribe, demo, call, doctor, chaos):
    app.command()(command)
app.add_typer(models, name="models")
