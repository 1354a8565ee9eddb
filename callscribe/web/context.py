"""What the routes need, in one place; ``web/app.py`` fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from callscribe.calls import Calls
from callscribe.configuration import ConfigurationStore
from callscribe.ledger import Ledger
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings
from callscribe.web.backends import Backends
from callscribe.web.desk import Desk
from callscribe.web.drain import Drain
from callscribe.web.listen.keys import Keys
from callscribe.web.twilio.door import Door


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the running server."""

    settings: Settings
    configuration: ConfigurationStore
    backends: Backends
    service: EnhancedTranscriptionService
    ledger: Ledger
    calls: Calls
    desk: Desk
    listen_keys: Keys
    """Who may use the addresses of Deepgram's API."""
    drain: Drain
    """How the server ends."""
    twilio: Door
    """The telephone."""


def get_context(connection: HTTPConnection) -> Context:
    """The context of the application that a request or socket belongs to."""
    context = connection.app.state.context
    if not isinstance(context, Context):
        raise TypeError("this application was not made by create_app")
    return context


InContext = Annotated[Context, Depends(get_context)]
