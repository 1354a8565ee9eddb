"""``callscribe doctor``: is everything in place. May import the checks."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from callscribe import logs
from callscribe.cli.checks import examine
from callscribe.cli.findings import Finding, State
from callscribe.cli.output import screen

MARKS = {State.GOOD: "[green]✓[/]", State.BAD: "[bold red]✗[/]", State.NOTE: "[yellow]–[/]"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Look at this machine and say what is missing and what to do about it.

    ✓ is in place, – is optional and not there, ✗ is needed and broken: then the status is 1.
    What fails names the section of the documentation that tells what to do.

    With DEEPGRAM_API_KEY set it tries the way to Deepgram, the clock and the key, and plays four
    seconds of speech into it, which are billed like any others.

    For example:

    - `callscribe doctor`
    - `callscribe doctor --json`
    """
    logs.configure("error")  # what a check meets is a finding, not a line of the log
    findings = examine()
    if as_json:
        typer.echo(json.dumps([item.to_dict() for item in findings], ensure_ascii=False, indent=2))
    else:
        show(findings)
    if any(item.state is State.BAD for item in findings):
        raise typer.Exit(1)


def show(findings: list[Finding]) -> None:
    """A line for each finding, and one with what to do where something is to be done."""
    console = screen()
    for item in findings:
        console.print(f"{MARKS[item.state]} {item.name:13}", end=" ")
        console.print(item.detail, markup=False)
        for more in filter(None, (item.advice, item.guide)):
            console.print(f"{'':16}→ {more}", markup=False)
