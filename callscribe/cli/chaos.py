"""``callscribe chaos``: a bad network on purpose. May import ``chaos``."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from callscribe.chaos import KINDS, ChaosProxy, Happening
from callscribe.cli.output import screen


def chaos(
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, and when; can be given many times. --list shows what there is.",
            show_default=False,
        ),
    ] = None,
    upstream: Annotated[
        str, typer.Option(help="The server behind: Deepgram, or what speaks its protocol.")
    ] = "wss://api.deepgram.com",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8765,
    seed: Annotated[
        int | None,
        typer.Option(help="Decides what is left to chance. Default: another one each time."),
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list", help="List the faults and how they are written.")
    ] = False,
) -> None:
    """Stand between a Deepgram client and its server, and do to them what bad networks do.

    Point the client at the address that is shown. Each fault is said as it happens. The same faults
    with the same seed come at the same seconds.

    A fault is `KIND[:ARGUMENT]`, then perhaps `@SECOND` of a connection or `~SECONDS` on average,
    `+SECONDS` that it lasts, and `/CONNECTIONS` that it befalls: `/2`, `/2-3`, `/4-`, `/25%`.

    For example:

    - `callscribe chaos --fault drop@20`
    - `callscribe chaos --upstream ws://127.0.0.1:8000 --fault drop~30 --fault garble~10 --seed 7`
    - `callscribe chaos --fault refuse:429/2-3 --fault stall:down@10+5 --fault delay:50-200`
    """
    console = screen()
    if list_faults:
        console.print(table())
        return
    chosen = random.randrange(1_000_000) if seed is None else seed  # noqa: S311 - no secret
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(console, upstream, fault or [], chosen, host, port))


def table() -> Table:
    """Every fault, with an example."""
    found = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("fault", "for example", "what it does"):
        found.add_column(column)
    for name, kind in KINDS.items():
        found.add_row(name, kind.example, kind.meaning)
    return found


async def _serve(
    console: Console, upstream: str, faults: list[str], seed: int, host: str, port: int
) -> None:
    def tell(happening: Happening) -> None:
        console.print(line(happening), style=None if happening.fault else "dim", markup=False)

    async with ChaosProxy(upstream, faults, seed=seed, host=host, port=port, tell=tell) as proxy:
        console.print("[bold]Callscribe chaos[/]  Ctrl-C ends it")
        rows = {
            "Client": f"{proxy.ws} and {proxy.http}",
            "Server": upstream,
            "Faults": " ".join(faults) or "none: everything passes",
            "Seed": f"{seed}",
        }
        for name, value in rows.items():
            console.print(f"  {name:10}", end="", style="dim")
            console.print(value, markup=False)
        await asyncio.Event().wait()


def line(happening: Happening) -> str:
    """A happening for the terminal: connection, second, what."""
    fault = f"{happening.fault}: " if happening.fault else ""
    return f"{f'#{happening.connection}':>5} {happening.second:8.2f} s  {fault}{happening.what}"
