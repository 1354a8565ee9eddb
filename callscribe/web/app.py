"""The application: the only wiring, so it may import every part that stands below ``web``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, get_args

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from callscribe import __version__
from callscribe.agents import create_agents
from callscribe.bus import create_bus
from callscribe.calls import Calls
from callscribe.configuration import ConfigurationStore
from callscribe.engines import create_engine
from callscribe.engines.base import TranscriptionEngine
from callscribe.errors import ConfigurationError
from callscribe.ledger import Ledger
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Backend, Settings
from callscribe.shelf import Shelf
from callscribe.store import TranscriptFiles
from callscribe.web import (
    agents,
    audio_socket,
    config,
    errors,
    events_socket,
    pages,
    sessions,
    status,
)
from callscribe.web.auth import Guard
from callscribe.web.backends import Backends
from callscribe.web.context import Context
from callscribe.web.desk import Desk
from callscribe.web.drain import Drain
from callscribe.web.headers import BodyLimit, SecurityHeaders
from callscribe.web.lifetime import lifetime
from callscribe.web.listen import routes as listen_routes
from callscribe.web.listen.keys import Keys
from callscribe.web.models import Problem
from callscribe.web.turnstile import Turnstile
from callscribe.web.twilio import routes as twilio_routes
from callscribe.web.twilio.door import Door

EngineFactory = Callable[[str, Settings], TranscriptionEngine]
"""Makes an engine by name; ``ConfigurationError`` where it cannot be used."""

DESCRIPTION = """Live transcription of two-party calls. Audio goes in at the socket `/ws/audio`,
events come out at `/ws/sessions/{id}/events`; `docs/reference/sockets.md` describes both."""


def create_app(settings: Settings, *, engine_factory: EngineFactory = create_engine) -> FastAPI:
    """The application for these settings; models are loaded while it serves already."""
    configuration = ConfigurationStore(settings.config_file)
    backends = create_backends(settings, engine_factory)
    shelf = Shelf(settings.data_dir)
    bus = create_bus(shelf)
    ledger = Ledger(bus, time.time)
    service = EnhancedTranscriptionService(
        settings,
        engines=backends.engines,
        bus=bus,
        ledger=ledger,
        shelf=shelf,
        configuration=configuration,
        sinks=[TranscriptFiles(settings.data_dir / "transcripts").save],
        check=backends.check,
    )

    app = FastAPI(
        title="Callscribe",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lambda app: lifetime(app.state.context, bus, shelf),
        docs_url=None,  # these pages fetch their scripts from elsewhere
        redoc_url=None,
        responses={401: {"model": Problem}, 403: {"model": Problem}},
    )
    listen_keys = Keys([key.get_secret_value() for key in settings.api_keys], time.monotonic)
    door = Door(settings, service)
    app.state.context = Context(
        settings=settings,
        configuration=configuration,
        backends=backends,
        service=service,
        ledger=ledger,
        calls=Calls(service, ledger),
        desk=Desk(create_agents(settings), ledger, shelf),
        listen_keys=listen_keys,
        drain=Drain(service, settings.drain),
        twilio=door,
    )
    modules = (config, sessions, agents, status, audio_socket, events_socket, pages)
    for module in (*modules, listen_routes, twilio_routes):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    errors.install(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit)
    app.add_middleware(Turnstile)
    app.add_middleware(
        Guard,
        keys=[key.get_secret_value() for key in settings.api_keys],
        telephone_host=door.host,
    )
    app.add_middleware(SecurityHeaders)
    _describe_keys(app)
    return app


def create_backends(settings: Settings, engine_factory: EngineFactory) -> Backends:
    """The engines that these settings allow, and the reasons why others are missing."""
    engines: dict[str, TranscriptionEngine] = {}
    missing: dict[str, str] = {}
    for name in get_args(Backend):
        try:
            engines[name] = engine_factory(name, settings)
        except ConfigurationError as error:
            missing[name] = error.message
    return Backends(engines, missing)


def _describe_keys(app: FastAPI) -> None:
    """Adds to the OpenAPI description what ``Guard`` asks for."""
    describe = app.openapi

    def with_keys() -> dict[str, Any]:
        schema = describe()
        components = schema.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}, {}]
        return schema

    app.openapi = with_keys  # type: ignore[method-assign]
