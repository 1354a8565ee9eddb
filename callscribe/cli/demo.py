"""``callscribe demo``: a made-up call through a real server, shown and measured.

The technician rings as a Twilio call does, with a signature, TwiML and a media stream of mu-law at
8 kHz; the agent speaks in a browser at 16 kHz and joins the call's session. That is how a support
desk works, it tries both doors at once, and it keeps what was promised of the agent: 16 kHz on a
connection of its own. ``callscribe call`` sends both sides by telephone.

May import ``demo`` and the rest of ``cli``.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.table import Table

from callscribe.cli.live import CallScreen, line_text
from callscribe.cli.output import complain, read_settings, screen
from callscribe.cli.serve import page_address
from callscribe.cli.stage import Stage
from callscribe.cli.view import CallView
from callscribe.demo.call import DemoCall, DemoLeg, load_call
from callscribe.demo.client import Client
from callscribe.demo.measure import LegReport, LiveMeasure, percentile
from callscribe.demo.server import free_port, running_server
from callscribe.demo.telephone import Telephone
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings
from callscribe.wire.browser import Start

TELEPHONE = "technician"
"""Who is on the telephone; all others speak in a browser."""


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

    The technician rings as a Twilio call does (8 kHz), the agent speaks in a browser (16 kHz), both
    at the pace of life. Afterwards: the transcript, where it is kept, and what was measured. The
    status is 0 only if the words of both came through.

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
        # A token of its own: only this demo can ring at its server.
        token = SecretStr(secrets.token_urlsafe(24))
        self._settings = settings.model_copy(
            update={
                "twilio_auth_token": token,
                "public_url": "",
                "twilio_inbound": TELEPHONE,
                "twilio_outbound": next(name for name in call.legs if name != TELEPHONE),
            }
        )
        self._call, self._speed, self._token = call, speed, token.get_secret_value()
        self._page, self._keep = page, keep
        self._console = screen()
        self._measure = LiveMeasure(speed)
        self._view = CallView(list(call.legs))

    async def run(self, port: int) -> int:
        """From the server's start to its end; the process's status."""
        self._console.print(f"[bold]{self._call.title}[/] ({self._call.seconds:.0f} s)")
        self._say("starting a server")
        async with running_server(self._settings, port, self._say) as client:
            telephone = Telephone(client, self._token)
            session = telephone.session_id
            await client.call("POST", "/api/sessions", {"session_id": session})
            if self._page:
                address = page_address(self._settings.host, port, f"/calls/{session}")
                self._console.print(f"Watch it in a browser too: {address}", markup=False)
            await self._play(client, telephone)
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

    async def _play(self, client: Client, telephone: Telephone) -> None:
        """All legs at once, until the session has ended and its last event was seen."""
        call, session = self._call, telephone.session_id
        answer = await telephone.ring(call.language)
        shown = CallScreen(self._console, self._view, call.title, call.seconds)
        stage = Stage(shown, self._view, self._measure, len(call.legs), self._speed)
        others = [leg for leg in call.legs.values() if leg.speaker != TELEPHONE]
        speaking = {leg.speaker for leg in others}
        hang_up = asyncio.Event()  # that ends the session for all

        async def by_browser(leg: DemoLeg) -> None:
            start = Start(session, leg.speaker, leg.rate, language=call.language)
            await client.play(start, leg.samples, stage.ready, speed=self._speed)
            speaking.discard(leg.speaker)
            if not speaking:
                hang_up.set()

        tracks = {"inbound": call.legs[TELEPHONE].samples}
        ringing = telephone.play(answer, tracks, stage.ready, hang_up, speed=self._speed)
        await stage.run(client, session, [ringing, *map(by_browser, others)])

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
