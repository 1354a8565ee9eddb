"""``callscribe models``: which Whisper models there are, fetching and checking them.

May import ``engines.whisper``.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from callscribe.cli.output import byte_progress, complain, read_settings, screen
from callscribe.engines.whisper.inspection import find_model, inspect_model, is_installed
from callscribe.engines.whisper.models import known_model, model_names, resolve_model

Name = Annotated[
    str | None,
    typer.Argument(
        help="A size, a hub name (owner/model) or a folder. Default: CALLSCRIBE_WHISPER_MODEL.",
        show_default=False,
    ),
]

models = typer.Typer(
    no_args_is_help=True,
    help="""List, fetch and check Whisper models.

For example:

- `callscribe models list`
- `callscribe models fetch small`
- `callscribe models verify`
""",
)


@models.command("list")
def list_() -> None:
    """List the models that can be named, and which of them are on this machine."""
    settings = read_settings()
    folder = settings.data_dir / "models"
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "model", "on this machine", "sums known"):
        table.add_column(column, overflow="fold")
    names = model_names()
    if settings.whisper_model not in names:
        names.insert(0, settings.whisper_model)
    for name in names:
        place = find_model(name, folder)
        where = str(place) if place else "as packages" if is_installed(name) else "–"
        known = "yes" if known_model(name) else ""
        table.add_row("→" if name == settings.whisper_model else "", name, where, known)
    console = screen()
    console.print(table)
    console.print("→ is the one that is used; CALLSCRIBE_WHISPER_MODEL names another.", style="dim")


@models.command()
def fetch(
    name: Name = None,
    offline: Annotated[bool, typer.Option(help="Ask no model hub.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing if all is well.")] = False,
) -> None:
    """Get a model onto this machine and check it; at once if that was done before.

    It comes from installed packages where there are any, else from the Hugging Face hub.
    """
    settings = read_settings()
    with byte_progress(quiet=quiet) as progress:
        folder = resolve_model(
            name or settings.whisper_model,
            settings.data_dir / "models",
            progress=progress,
            offline=offline,
        )
    if not quiet:
        screen().print(f"{name or settings.whisper_model} is in {folder}", markup=False)


@models.command()
def verify(name: Name = None) -> None:
    """Read every byte of a model and compare it with the known sums.

    Ends with status 1 if a file is missing or wrong; nothing is changed.
    """
    settings = read_settings()
    name = name or settings.whisper_model
    folder = find_model(name, settings.data_dir / "models")
    if folder is None:
        complain(
            f"the model {name} is not on this machine; get it with "
            f"python -m callscribe models fetch {name}"
        )
        raise typer.Exit(1)
    with byte_progress() as progress:
        problems = inspect_model(name, folder, progress=progress)
    for problem in problems:
        complain(problem)
    if problems:
        complain(f"delete {folder} and get it again: python -m callscribe models fetch {name}")
        raise typer.Exit(1)
    screen().print(f"{name} in {folder} is whole", markup=False)
