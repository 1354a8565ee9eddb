"""A stream that broke off while its call goes on is started anew, in the same session.

May import the rest of ``web.twilio``.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]

from callscribe.web.twilio.calls import Call
from callscribe.web.twilio.door import Door
from callscribe.web.twilio.twiml import Addresses, stream_arguments

FAREWELL = 1.0
"""Seconds that a ``stop`` may take which is on its way while Twilio says the stream has ended."""

TRIES = 3
"""How often Twilio is asked when it fails or cannot be reached."""

ASKED = "asked for"
"""Stands for the id of a stream that Twilio is being asked for."""

_log = structlog.get_logger(__name__)


async def start_again(door: Door, call: Call, stream_sid: str, addresses: Addresses) -> bool:
    """Has Twilio open a new stream for a call; whether it will.

    ``stream_sid`` is the one that has ended. Nothing is done where it was stopped as it should be,
    where a newer one is there, or where the call breaks too often.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL):
            await call.over.wait()
    newer = call.stream_sid not in ("", stream_sid) or call.awaited not in ("", stream_sid)
    if call.over.is_set() or newer:
        return False
    if door.calls.session(call) is None:
        door.calls.end(call)  # it was ended here, though the telephone call goes on
        return False
    if not door.settings.twilio_account_sid:
        door.count("not_started_again", session_id=call.session_id, why="no account SID is set")
        return False
    if not call.may_start_again(door.calls.monotonic()):
        door.count("not_started_again", session_id=call.session_id, why="it broke too often")
        return False
    return await ask_for_stream(door, call, addresses)


async def ask_for_stream(door: Door, call: Call, addresses: Addresses) -> bool:
    """Asks Twilio for a stream of a call; whether it will come."""
    call.awaited = ASKED
    call.awaited = await _ask(door, call, addresses)
    return bool(call.awaited)


def is_final(error: TwilioRestException) -> bool:
    """Whether Twilio will not answer otherwise when it is asked again."""
    return bool(400 <= error.status < 500 and error.status != 429)


async def _ask(door: Door, call: Call, addresses: Addresses) -> str:
    """The new stream's id; empty where there will be none."""
    token = door.tokens.grant(call.call_sid, again=True)
    arguments = stream_arguments(addresses, {"token": token})
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(0.5 * attempt)
        try:
            stream = await door.rest.ask(
                lambda twilio: twilio.calls(call.call_sid).streams.create(**arguments)
            )
        except TwilioRestException as error:
            door.count("start_again_failed", session_id=call.session_id, status=error.status)
            if is_final(error):
                return ""
        except (TwilioException, OSError) as error:
            if door.rest.closed:
                return ""
            door.count("start_again_failed", session_id=call.session_id, why=type(error).__name__)
        else:
            door.counts["started_again"] += 1
            _log.info("twilio_started_again", session_id=call.session_id)
            return stream.sid or ""
    return ""
