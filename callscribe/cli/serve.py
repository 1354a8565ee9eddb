"""``callscribe serve``: the server. May import ``web``."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
import time
import webbrowser
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from callscribe.cli.output import read_settings, screen
from callscribe.collector import undisturbed
from callscribe.errors import ConfigurationError
from callscribe.languages import LANGUAGES
from callscribe.settings import Settings, TranscriptionConfig

LABELS = {"whisper": "Whisper on this machine", "deepgram": "Deepgram"}
"""What a person calls the engines."""


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on. Beyond this machine only with CALLSCRIBE_API_KEYS."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Start the server and serve until Ctrl-C; then all calls end with their last words kept.

    After SIGTERM they first go on for up to CALLSCRIBE_DRAIN seconds.

    For example:

    - `callscribe serve`
    - `callscribe serve --port 9000 --open`
    - `CALLSCRIBE_API_KEYS=secret callscribe serve --host 0.0.0.0`
    """
    with undisturbed():
        # Imported here: what needs no server should not wait for one to be loaded.
        from callscribe import logs
        from callscribe.cli.house_checks import try_store
        from callscribe.web.context import Context
        from callscribe.web.server import be_fair, check_exposure, create_server

        settings = read_settings(host=host, port=port)
        check_exposure(settings)
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(try_store(settings.store_url))  # here its error is one line
    with contextlib.closing(bind(settings)) as listener:
        with undisturbed():
            server = create_server(settings)
        context = server.config.app.state.context  # type: ignore[union-attr]
        if not isinstance(context, Context):
            raise TypeError("create_server gave another kind of application")
        page = page_address(settings.host, listener.getsockname()[1])
        reasons = {name: why for name, _, why in context.backends.status()}
        missing = {
            name: why for name, why in reasons.items() if name not in context.backends.engines
        }
        show_banner(screen(), settings, context.configuration.load(), missing, page)
        context.backends.tell = partial(show_failure, screen())
        if open_page:
            _open_when(lambda: server.started, page)
        be_fair()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(1)


def bind(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; ``ConfigurationError`` if that cannot be."""
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except socket.gaierror as error:
        raise ConfigurationError(f"{host} is no address to listen on: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is taken by another program; end it, or choose another "
                "port with --port (0 takes a free one)"
            ) from error
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def page_address(host: str, port: int, path: str = "/config") -> str:
    """The address to type into a browser on this machine."""
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - not bound
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}"


def show_banner(
    console: Console,
    settings: Settings,
    config: TranscriptionConfig,
    missing: Mapping[str, str],
    page: str,
) -> None:
    """Says how calls will be transcribed and where the page is.

    ``missing`` are the engines that cannot be used, each with the reason.
    """
    wanted = config.transcription_backend
    used = "whisper" if wanted in missing else wanted
    language = LANGUAGES.get(config.transcription_language)
    streaming = used == "whisper" or config.deepgram_use_streaming
    rows = {
        "Backend": used + (f" ({missing[wanted]})" if used != wanted else ""),
        "Language": f"{language.native} ({language.code})" if language else "detected on each leg",
        "Streaming": "on" if streaming else "off: about 3 s are buffered",
        "Model": f"Whisper {settings.whisper_model}",
        "Page": page,
    }
    console.print("[bold]Callscribe[/]  Ctrl-C ends it")
    for name, value in rows.items():
        console.print(f"  {name:10}", end="", style="dim")
        console.print(value, markup=False)


def show_failure(console: Console, engine: str, why: str) -> None:
    """Says below the banner that an engine cannot be used, why, and what becomes of calls."""
    console.print(f"[bold red]{LABELS.get(engine, engine)} cannot be used:[/] ", end="")
    console.print(why, markup=False)
    console.print(
        "  The server goes on, but refuses sessions with it until that is mended and it is started "
        "again."
    )


def _open_when(ready: Callable[[], bool], page: str) -> None:
    """Opens the page once the server answers."""

    def wait() -> None:
        while not ready():
            time.sleep(0.1)
        webbrowser.open(page)

    threading.Thread(target=wait, daemon=True, name="open-page").start()
