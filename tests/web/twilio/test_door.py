"""Whether there is a telephone, and under which name."""

import pytest
import structlog

from callscribe.errors import CallscribeError
from callscribe.settings import Settings
from callscribe.web.twilio.door import Door
from tests.calls import calls
from tests.web.twilio.telephone import ACCOUNT

pytestmark = pytest.mark.anyio


async def test_a_door_with_a_token_is_open() -> None:
    given = {
        "twilio_auth_token": "secret",
        "twilio_account_sid": ACCOUNT,
        "public_url": "https://Calls.example.com:8443/x/",
        "twilio_inbound": "customer",
    }
    async with calls() as world:
        door = Door(Settings.model_validate(given), world.service)
        door.check_open()
        assert door.host == "calls.example.com"
        assert door.speakers == {"inbound": "customer", "outbound": "agent"}
        client = door.rest.make_client()
        assert (client.username, client.password) == (ACCOUNT, "secret")
        with structlog.testing.capture_logs() as logs:
            door.count("refused_stream", code="x")
            door.count("refused_stream", code="x")
        assert door.counts["refused_stream"] == 2
        assert logs[1] == {
            "event": "twilio_refused_stream", "log_level": "warning", "count": 2, "code": "x",
        }  # fmt: skip


async def test_a_door_without_a_token_is_shut() -> None:
    async with calls() as world:
        given = Settings.model_validate({"public_url": "https://calls.example.com"})
        door = Door(given, world.service)
        assert door.host == ""
        with pytest.raises(CallscribeError, match="CALLSCRIBE_TWILIO_AUTH_TOKEN"):
            door.check_open()
