"""Calls whose server died: those that go on get a new stream when the server is back.

Twilio tells of a broken stream once, and nobody was there. May import the rest of ``web.twilio``.
"""

from __future__ import annotations

import asyncio

import structlog
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]

from callscribe.web.twilio.again import ASKED, ask_for_stream, is_final
from callscribe.web.twilio.calls import OVER, Call
from callscribe.web.twilio.door import Door
from callscribe.web.twilio.twiml import Addresses

PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each time that Twilio is asked how a call goes, while it does not answer."""

_log = structlog.get_logger(__name__)


async def take_up(door: Door) -> None:
    """Finds the telephone calls among the sessions that wait, and asks Twilio about each."""
    calls = door.calls.take_up()
    if not calls:
        return
    if door.lacks:
        door.count("not_taken_up", calls=len(calls), why=f"{door.lacks} is not set")
        return
    async with asyncio.TaskGroup() as tasks:
        for call in calls:
            tasks.create_task(_take_up(door, call))


async def _take_up(door: Door, call: Call) -> None:
    call.awaited = ASKED  # Twilio may tell of the broken stream meanwhile
    try:
        status = await _status(door, call)
        if not status or not _waits(door, call):
            return
        _log.info("twilio_taken_up", session_id=call.session_id, status=status)
        if status == "in-progress":
            await ask_for_stream(door, call, Addresses(door.settings.public_url))
        elif status in OVER:
            door.calls.end(call)
    except Exception as error:  # noqa: BLE001 - the other calls, and the server, go on
        _log.error("twilio_not_taken_up", session_id=call.session_id, exc_info=error)
    finally:
        if call.awaited == ASKED:
            call.awaited = ""


async def _status(door: Door, call: Call) -> str:
    """What Twilio calls the state of a call; empty where that cannot be known."""
    why: object = ""
    for pause in PAUSES:
        await asyncio.sleep(pause)
        if not _waits(door, call):
            return ""
        try:
            found = await door.rest.ask(lambda twilio: twilio.calls(call.call_sid).fetch())
        except TwilioRestException as error:
            why = error.status
            if is_final(error):
                break
        except (TwilioException, OSError) as error:
            why = type(error).__name__
        else:
            return str(found.status or "")
    if not door.rest.closed:
        door.count("not_taken_up", session_id=call.session_id, why=why)
    return ""


def _waits(door: Door, call: Call) -> bool:
    """Whether a call still has no stream, and may have one."""
    return not (call.over.is_set() or call.stream_sid) and door.calls.session(call) is not None
