"""What all of the telephone's addresses share; ``web/app.py`` makes it.

May import ``service``, ``settings``, ``errors`` and the rest of ``web.twilio``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from callscribe.errors import CallscribeError
from callscribe.service import EnhancedTranscriptionService
from callscribe.settings import Settings
from callscribe.web.twilio.calls import TelephoneCalls
from callscribe.web.twilio.requests import Form, public_address, signed_form
from callscribe.web.twilio.rest import DEADLINE, Rest
from callscribe.web.twilio.tokens import Tokens
from callscribe.web.twilio.twiml import Addresses

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

_log = structlog.get_logger(__name__)


class Door:
    """The way in for Twilio, where there is an auth token."""

    def __init__(
        self,
        settings: Settings,
        service: EnhancedTranscriptionService,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.tokens = Tokens(monotonic)
        self.calls = TelephoneCalls(service, monotonic)
        self.counts: Counter[str] = Counter()
        """What has happened, by name, since the server started."""
        secret = settings.twilio_auth_token
        self._token = secret.get_secret_value() if secret is not None else ""
        self.rest = Rest(self._client)

    @property
    def speakers(self) -> dict[str, str]:
        """Who speaks on each track."""
        return {
            "inbound": self.settings.twilio_inbound,
            "outbound": self.settings.twilio_outbound,
        }

    @property
    def host(self) -> str:
        """The name under which Twilio comes; empty: it does not."""
        return (urlsplit(self.settings.public_url).hostname or "") if self._token else ""

    def check_open(self) -> None:
        """``CallscribeError`` where there is no telephone."""
        if not self._token:
            raise CallscribeError(
                "this server has no telephone: set CALLSCRIBE_TWILIO_AUTH_TOKEN",
                code="no_telephone",
            )

    @property
    def lacks(self) -> str:
        """The setting without which Twilio cannot be asked for anything; empty: none."""
        needed = {
            "CALLSCRIBE_TWILIO_AUTH_TOKEN": self._token,
            "CALLSCRIBE_TWILIO_ACCOUNT_SID": self.settings.twilio_account_sid,
            "CALLSCRIBE_PUBLIC_URL": self.settings.public_url,
        }
        return next((name for name, value in needed.items() if not value), "")

    def addresses(self, request: Request) -> Addresses:
        """Where Twilio finds the server that it has sent this request to."""
        return Addresses(public_address(self.settings.public_url, request))

    async def read(self, request: Request) -> Form:
        """The form of a request that Twilio has signed; refusals are counted and logged."""
        self.check_open()
        address = public_address(self.settings.public_url, request)
        try:
            return await signed_form(request, RequestValidator(self._token), address)
        except CallscribeError as error:
            self.count("refused_request", path=request.url.path, code=error.code)
            raise

    def count(self, what: str, **facts: object) -> None:
        """Counts an event and logs it."""
        self.counts[what] += 1
        _log.warning(f"twilio_{what}", count=self.counts[what], **facts)

    def _client(self) -> Client:
        # Imported here, in a thread of ``Rest``: most servers never ask Twilio for anything.
        from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
        from twilio.rest import Client

        http = TwilioHttpClient(timeout=DEADLINE)
        return Client(self.settings.twilio_account_sid, self._token, http_client=http)
