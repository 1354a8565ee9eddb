"""``callscribe demo``: a made-up call through a real server, shown and measured.

May import ``demo``.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Annotated

import typer
from rich.table import Table

from callscribe.cli.live import CallScreen, line_text
from callscribe.cli.output import complain, read_settings, screen
from callscribe.cli.serve import page_address
from callscribe.cli.view import CallView
from callscribe.demo.call import DemoCall, load_call
from callscribe.demo.client import Client, first_of
from callscribe.demo.measure import LegReport, LiveMeasure, percentile
from callscribe.demo.server import free_port, running_server
from callscribe.errors import CallscribeError, ConfigurationError
from callscribe.settings import Settings
from callscribe.wire.browser import Start

LEAD = 0.2
"""Seconds between both legs being ready and the first sample."""


def demo(
    lang: Annotated[str, typer.Option(help="Language of the call: fr or en.")] = "fr",
    page: Annotated[bool, typer.Option(help="Say where to watch the call in a browser.")] = True,
    speed: Annotated[
        float, typer.Option(min=0.25, max=4.0, help="How fast it is played; 1 is as spoken.")
    ] = 1.0,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the server. Default: 8000, or a free one."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Play a made-up support call through a real server and watch it being written down.

    The technician speaks on the telephone (8 kHz), the agent in a browser (16 kHz), both at the
    pace of life. Afterwards: the transcript, where it is kept, and what was measured. The status
    is 0 only if the words of both came through.

    For example:

    - `callscribe demo`
    - `callscribe demo --lang en --keep`
    """
    settings = read_settings()
    call = load_call(lang)
    chosen = port or free_port(settings.host, settings.port or 8000)
    if port is not None and free_port(settings.host, port) != port:
        raise ConfigurationError(f"port {port} is taken; leave --port away to take a free one")
    raise typer.Exit(asyncio.run(Demo(settings, call, speed, page=page, keep=keep).run(chosen)))


class Demo:
    """One run of the demo."""

    def __init__(
        self, settings: Settings, call: DemoCall, speed: float, *, page: bool, keep: bool
    ) -> None:
        self._settings, self._call, self._speed = settings, call, speed
        self._page, self._keep = page, keep
        self._console = screen()
        self._measure = LiveMeasure(speed)
        self._view = CallView(list(call.legs))
        self._begun: asyncio.Future[float] | None = None
        self._waiting = len(call.legs)

    async def run(self, port: int) -> int:
        """From the server's start to its end; the process's status."""
        self._console.print(f"[bold]{self._call.title}[/] ({self._call.seconds:.0f} s)")
        self._say("starting a server")
        async with running_server(self._settings, port, self._say) as client:
            session = f"demo-{self._call.language}-{time.strftime('%Y%m%d-%H%M%S')}"
            await client.call("POST", "/api/sessions", {"session_id": session})
            if self._page:
                address = page_address(self._settings.host, port, f"/calls/{session}")
                self._console.print(f"Watch it in a browser too: {address}", markup=False)
            await self._play(client, session)
            reports = [
                self._measure.report(leg.speaker, leg.text) for leg in self._call.legs.values()
            ]
            troubles = [report.trouble for report in reports if report.trouble]
            if not self._finish(session, reports):
                troubles.append("the transcript has not been kept")
            if self._keep:
                self._say(f"the server stays at {page_address(self._settings.host, port)}: Ctrl-C")
                await asyncio.Event().wait()
        for trouble in troubles:
            complain(trouble)
        return 1 if troubles else 0

    async def _play(self, client: Client, session: str) -> None:
        """Both legs at once, until the session has ended and its last event was seen."""
        loop = asyncio.get_running_loop()
        self._begun = loop.create_future()
        with CallScreen(self._console, self._view, self._call.title, self._call.seconds) as shown:
            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(self._watch(client, session, shown))
                    drawing = tasks.create_task(self._draw(shown))
                    async with asyncio.TaskGroup() as legs:
                        for speaker in self._call.legs:
                            legs.create_task(self._speak(client, session, speaker))
                    await client.call("POST", f"/api/sessions/{session}/end")
                    await watching
                    drawing.cancel()
            except* CallscribeError as group:
                raise first_of(group) from group

    async def _speak(self, client: Client, session: str, speaker: str) -> None:
        leg = self._call.legs[speaker]
        start = Start(session, speaker, leg.rate, language=self._call.language)

        async def ready() -> float:
            begun = self._begun
            if begun is None:
                raise RuntimeError("no call is being played")
            self._waiting -= 1
            if not self._waiting:
                begun.set_result(asyncio.get_running_loop().time() + LEAD)
            at = await begun
            self._measure.begin(speaker, at)
            return at

        await client.play(start, leg.samples, ready, speed=self._speed)

    async def _watch(self, client: Client, session: str, shown: CallScreen) -> None:
        loop = asyncio.get_running_loop()
        async for event in client.events(session):
            line = self._view.apply(event, self._measure.apply(event, loop.time()))
            if line is not None:
                shown.finished(line)

    async def _draw(self, shown: CallScreen) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = self._begun
            at = begun.result() if begun is not None and begun.done() else loop.time()
            shown.refresh((loop.time() - at) * self._speed)
            await asyncio.sleep(0.1)

    def _finish(self, session: str, reports: list[LegReport]) -> bool:
        """Shows what there is in the end; True if the transcript has been kept."""
        if self._console.is_terminal:  # elsewhere the lines have been printed one by one
            for line in self._view.lines():
                self._console.print(line_text(line, self._view.speakers))
        folder = self._settings.data_dir / "transcripts" / session
        files = sorted(path.name for path in folder.glob("transcript.*"))
        if files:
            self._console.print(f"\nKept in {folder}: {', '.join(files)}", markup=False)
        self._console.print("\nHow far the text stood behind the speech, and how right it is:\n")
        self._console.print(measured(reports))
        return bool(files)

    def _say(self, what: str) -> None:
        self._console.print(what, style="dim", markup=False)


def measured(reports: list[LegReport]) -> Table:
    """The table of what was measured. Lags in seconds: half of them, and 95 in 100, are below."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("")
    for column in ("interim p50", "p95", "final p50", "p95", "words", "wrong"):
        table.add_column(column, justify="right")
    for report in reports:
        lags = [
            percentile(values, share)
            for values in (report.interim_lags, report.final_lags)
            for share in (0.5, 0.95)
        ]
        cells = ["–" if math.isnan(lag) else f"{lag:.2f} s" for lag in lags]
        errors = report.errors
        table.add_row(
            report.speaker, *cells, f"{errors.hits} of {errors.words}", f"{errors.rate:.1%}"
        )
    return table
