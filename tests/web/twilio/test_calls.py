"""The calls that run."""

import pytest

from callscribe.errors import ProtocolError
from callscribe.web.twilio import calls as module
from callscribe.web.twilio.calls import AGAIN_WITHIN, MOST_AGAIN, Call, TelephoneCalls
from tests.calls import calls
from tests.web.twilio.telephone import call_sid

pytestmark = pytest.mark.anyio


async def test_a_call_is_a_session_until_it_is_over() -> None:
    async with calls() as world:
        running = TelephoneCalls(world.service, world.clock.monotonic)
        sid = call_sid()
        assert running.get(sid) is None
        call = await running.begin(sid, "fr")
        assert call.session_id == f"twilio-{sid}"
        assert await running.begin(sid, "") is call
        session = running.session(call)
        assert session is world.service.session(call.session_id)
        running.end(call)
        running.end(call)
        await session.ended.wait()
        assert running.get(sid) is None
        assert running.session(call) is None
        assert (await running.begin(sid, "")).session_id == f"twilio-{sid}-2"


async def test_a_session_that_waits_for_the_call_is_joined() -> None:
    async with calls() as world:
        sid = call_sid()
        await world.service.initialize_session(f"twilio-{sid}")
        call = await TelephoneCalls(world.service, world.clock.monotonic).begin(sid, "")
        assert call.session_id == f"twilio-{sid}"


async def test_a_call_whose_session_has_ended_is_forgotten() -> None:
    async with calls() as world:
        running = TelephoneCalls(world.service, world.clock.monotonic)
        call = await running.begin(call_sid(), "")
        await world.service.end_session(call.session_id)
        await running.begin(call_sid(), "")
        assert running.get(call.call_sid) is None
        assert call.over.is_set()


async def test_answered_calls_are_expected_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_EXPECTED", 2)
    async with calls() as world:
        running = TelephoneCalls(world.service, world.clock.monotonic)
        sids = [call_sid() for _ in range(3)]
        for sid in sids:
            running.expect(sid, "en")
        assert await running.missed(sids[0]) is None
        missed = await running.missed(sids[1])
        assert missed is not None
        assert missed.language == "en"
        running.end(await running.begin(sids[2], ""))
        assert await running.missed(sids[2]) is None


@pytest.mark.parametrize("sid", ["", "CA", "CA" + "g" * 32, "XX" + "0" * 32, "CA" + "0" * 33])
async def test_what_is_no_call_sid(sid: str) -> None:
    async with calls() as world:
        with pytest.raises(ProtocolError, match="CallSid"):
            await TelephoneCalls(world.service, world.clock.monotonic).begin(sid, "")


def test_a_call_is_started_again_so_often_and_no_more() -> None:
    call = Call("CA", "s")
    assert [call.may_start_again(float(n)) for n in range(MOST_AGAIN + 2)] == [
        *[True] * MOST_AGAIN,
        False,
        False,
    ]
    assert call.may_start_again(AGAIN_WITHIN + 1)


async def test_a_follow_up_that_waits_is_not_missed() -> None:
    """Its first session has ended, or was deleted: the call is in the second."""
    async with calls() as world:
        sid = call_sid()
        for name in (f"twilio-{sid}", f"twilio-{sid}-2"):
            await world.service.initialize_session(name)
        await world.service.end_session(f"twilio-{sid}")
        await world.service.delete_session(f"twilio-{sid}")
        running = TelephoneCalls(world.service, world.clock.monotonic)
        call = await running.missed(sid)
        assert call is not None
        assert call.session_id == f"twilio-{sid}-2"
        assert await running.missed(call_sid()) is None
