"""Writes docs/reference/cli.md from the commands' own help. Run by ``make docs``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "cli.md"
HIDDEN = {"help", "install_completion", "show_completion"}

HEAD = """# The command line

Written by `make docs` from the help of the commands; `callscribe COMMAND --help` shows the same.
`make setup` puts the command at `.venv/bin/callscribe`; `. .venv/bin/activate` makes it plain
`callscribe`. Where the packages were installed by hand it is `python -m callscribe`.
"""


def main() -> None:
    """Writes the page; with ``--check`` only says whether it is current, by the status."""
    text = page()
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != text)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")


def page() -> str:
    """The page as it should be."""
    sys.path.insert(0, str(ROOT))
    from callscribe.cli.app import app

    parts = [HEAD, *section(typer.main.get_command(app), "callscribe", 2)]
    return "\n".join(parts)


def section(command: Any, path: str, level: int) -> Iterator[str]:
    """A command with its arguments and options, then the commands in it."""
    yield f"{'#' * level} {path}\n"
    yield inspect.cleandoc(command.help or "").strip() + "\n"
    rows = [row(param) for param in command.params if param.name not in HIDDEN]
    if rows:
        yield "| option | default | what it does |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    for name, inner in getattr(command, "commands", {}).items():
        yield from section(inner, f"{path} {name}", level + 1)


def row(param: Any) -> str:
    """A line of the table."""
    if param.param_type_name == "argument":
        names = f"`{param.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    value = param.default
    if value is None or value is False or param.required or callable(value):
        shown = "required" if param.required else ""
    else:
        shown = f"`{'--' + param.name if value is True else getattr(value, 'value', value)}`"
    return f"| {names} | {shown} | {param.help or ''} |"


if __name__ == "__main__":
    main()
