"""Calls whose server died are asked for when it is there again."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from callscribe.events import LegStarted, SessionStarted
from callscribe.past import Past
from callscribe.settings import Settings
from callscribe.store.base import StoredCall
from callscribe.transcript import Transcript
from callscribe.web.twilio import again, returning
from callscribe.web.twilio.door import Door
from callscribe.web.twilio.returning import take_up
from tests import calls as worlds
from tests.calls import calls
from tests.web.twilio.rest_api import Api
from tests.web.twilio.telephone import ACCOUNT, AUTH_TOKEN, call_sid, eventually

pytestmark = pytest.mark.anyio

PUBLIC = "https://calls.example.com"
FULL = {"twilio_auth_token": AUTH_TOKEN, "twilio_account_sid": ACCOUNT, "public_url": PUBLIC}


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returning, "PAUSES", (0.0, 0.01, 0.01))
    monkeypatch.setattr(again, "FAREWELL", 0.01)


def interrupted(world: worlds.Calls, name: str, language: str = "en") -> str:
    """A session whose server died, under this name."""
    head = {"session_id": name, "at": 1000.0}
    events = [
        SessionStarted(**head, seq=1, engine="whisper", server="", config={}),
        LegStarted(
            **head, seq=2, speaker="technician", sample_rate=8000, language=language,
            engine="whisper", offset=0.0, zero_at=1000.0,
        ),
    ]  # fmt: skip
    call = StoredCall(
        session_id=name, state="running", started_at=1000.0, last_at=1000.0, last_seq=2
    )
    world.service.take_up(Past(call, Transcript(name), events))
    return name


def door(world: worlds.Calls, api: Api, **settings: str) -> Door:
    made = Door(Settings.model_validate({**FULL, **settings}), world.service)
    made.rest.make_client = api.client
    return made


async def test_a_call_that_goes_on_gets_a_new_stream(api: Api) -> None:
    async with calls() as world:
        sid = call_sid()
        name = interrupted(world, f"twilio-{sid}")
        telephone = door(world, api)
        await take_up(telephone)
        assert api.looked_at == [f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json"]
        ((path, form),) = api.asked
        assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}/Streams.json"
        assert form["Url"] == "wss://calls.example.com/twilio/media"
        assert form["StatusCallback"] == f"{PUBLIC}/twilio/status"
        call = telephone.calls.get(sid)
        assert call is not None
        assert (call.session_id, call.language, call.awaited) == (name, "en", "MZ" + f"{1:032x}")
        grant = telephone.tokens.redeem(form["Parameter1.Value"], sid)
        assert grant.again


async def test_a_follow_up_of_a_call_is_the_one_that_goes_on(api: Api) -> None:
    async with calls() as world:
        sid = call_sid()
        for name in (f"twilio-{sid}-2", f"twilio-{sid}", f"twilio-{sid}-10"):
            interrupted(world, name)
        telephone = door(world, api)
        await take_up(telephone)
        call = telephone.calls.get(sid)
        assert call is not None
        assert call.session_id == f"twilio-{sid}-10"
        assert len(api.asked) == 1


async def test_a_call_that_is_over_meanwhile_is_ended(api: Api) -> None:
    async with calls() as world:
        over, strange, stranger = call_sid(), call_sid(), "call"
        api.states = {over: "completed", strange: "ringing"}
        for name in (f"twilio-{over}", f"twilio-{strange}", stranger):
            interrupted(world, name)
        telephone = door(world, api)
        await take_up(telephone)
        await world.service.session(f"twilio-{over}").ended.wait()
        assert telephone.calls.get(over) is None
        waiting = telephone.calls.get(strange)
        assert waiting is not None
        assert waiting.awaited == ""
        assert len(api.looked_at) == 2
        assert api.asked == []


async def test_a_session_that_is_not_interrupted_is_left_alone(api: Api) -> None:
    async with calls() as world:
        await world.service.initialize_session(f"twilio-{call_sid()}")
        await take_up(door(world, api))
        assert api.looked_at == []


async def test_twilio_is_asked_again_while_it_fails(api: Api) -> None:
    async with calls() as world:
        sid = call_sid()
        interrupted(world, f"twilio-{sid}")
        api.answers = [503, 429]
        await take_up(door(world, api))
        assert len(api.looked_at) == 3
        assert len(api.asked) == 1


@pytest.mark.parametrize(("answers", "asked"), [([404], 1), ([401], 1), ([503] * 3, 3)])
async def test_a_call_that_cannot_be_looked_at_waits(
    api: Api, answers: list[int], asked: int
) -> None:
    async with calls() as world:
        sid = call_sid()
        interrupted(world, f"twilio-{sid}")
        api.answers = list(answers)
        telephone = door(world, api)
        await take_up(telephone)
        assert (len(api.looked_at), api.asked) == (asked, [])
        assert telephone.counts["not_taken_up"] == 1
        call = telephone.calls.get(sid)
        assert call is not None
        assert telephone.calls.session(call) is not None
        assert call.awaited == ""  # Twilio may still tell of its stream


async def test_what_comes_meanwhile_is_not_asked_for_twice(api: Api) -> None:
    async with calls() as world:
        sid = call_sid()
        interrupted(world, f"twilio-{sid}")
        telephone = door(world, api)
        api.answering.clear()
        taking = asyncio.create_task(take_up(telephone))
        await eventually(lambda: api.looked_at)
        call = telephone.calls.get(sid)
        assert call is not None
        addresses = again.Addresses(PUBLIC)
        assert not await again.start_again(telephone, call, "MZ-of-before", addresses)
        call.stream_sid, call.awaited = "MZ-that-came", ""
        api.answering.set()
        await taking
        assert api.asked == []


@pytest.mark.parametrize("lacking", ["twilio_account_sid", "public_url"])
async def test_what_is_not_set_is_said_once(api: Api, lacking: str) -> None:
    async with calls() as world:
        sids = [call_sid() for _ in range(3)]
        for sid in sids:
            interrupted(world, f"twilio-{sid}")
        telephone = door(world, api, **{lacking: ""})
        with structlog.testing.capture_logs() as logs:
            await take_up(telephone)
        assert [entry for entry in logs if entry["event"] == "twilio_not_taken_up"] == [
            {
                "event": "twilio_not_taken_up", "log_level": "warning", "count": 1, "calls": 3,
                "why": f"CALLSCRIBE_{lacking.upper()} is not set",
            }
        ]  # fmt: skip
        assert api.looked_at == []
        assert all(telephone.calls.get(sid) for sid in sids)  # Twilio may tell of their end


async def test_a_server_that_ends_asks_no_more(api: Api) -> None:
    async with calls() as world:
        interrupted(world, f"twilio-{call_sid()}")
        telephone = door(world, api)
        api.answering.clear()
        taking = asyncio.create_task(take_up(telephone))
        await eventually(lambda: api.looked_at)
        telephone.rest.close()
        await taking
        assert telephone.counts["not_taken_up"] == 0
