"""The life of a call: what ends when, and that nothing is lost by it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from callscribe import session as session_module
from callscribe.engines.rehearing import connection as rehearing
from callscribe.engines.resilient import connection as resilient
from callscribe.errors import LegNotFound, SessionClosed
from callscribe.events import LegEnded, Notice
from callscribe.transcript import Transcript
from callscribe.web import server as server_module
from tests.calls import calls
from tests.engines_for_tests import tones

pytestmark = pytest.mark.anyio


async def test_the_end_brings_all_legs_home_at_once() -> None:
    saved: list[str] = []

    async def save(transcript: Transcript) -> None:
        saved.append(transcript.text)

    async with calls([save]) as call:
        call.engine.close_delay = 0.05
        session = await call.session()
        for speaker in ("agent", "technician", "interpreter"):
            attachment = await session.open_leg(speaker, sample_rate=16_000)
            await attachment.send(tones(440, gap=0.0))
        transcript = await session.end()
        assert call.engine.most_closing == 3
        assert [u.text for u in transcript.utterances] == ["f440"] * 3
        assert saved == ["f440\nf440\nf440"]
        assert call.types(session.session_id)[-1] == "session_ended"
        assert session.ended_at == call.clock.wall()


async def test_ending_is_idempotent_and_survives_a_caller_who_leaves() -> None:
    async with calls() as call:
        call.engine.close_delay = 0.03
        session = await call.session()
        attachment = await session.open_leg("agent", sample_rate=16_000)
        await attachment.send(tones(440, gap=0.0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await session.end()
        one, two = await asyncio.gather(session.end(), session.end())
        assert one is two
        assert one.text == "f440"
        assert call.types(session.session_id).count("session_ended") == 1


async def test_after_the_end_nothing_opens() -> None:
    async with calls() as call:
        session = await call.session()
        attachment = await session.open_leg("agent", sample_rate=16_000)
        await session.end()
        with pytest.raises(SessionClosed):
            await session.open_leg("agent", sample_rate=16_000)
        with pytest.raises(SessionClosed):
            await attachment.send(b"ab")
        with pytest.raises(SessionClosed):
            await session.open_leg("agent", sample_rate=16_000, resume=attachment.leg.resume)


async def test_a_session_without_legs_ends_when_it_has_been_idle() -> None:
    async with calls() as call:
        session = await call.session()
        await call.clock.advance(200, session)
        assert not session.ended.is_set()
        await call.clock.advance(101, session)
        assert session.ended.is_set()


async def test_a_session_ends_a_while_after_its_last_leg() -> None:
    async with calls() as call:
        session = await call.session()
        await session.open_leg("agent", sample_rate=16_000)
        await call.clock.advance(700, session)
        assert not session.ended.is_set()
        await session.end_leg("agent")
        await call.clock.advance(29, session)
        await session.open_leg("agent", sample_rate=16_000)  # came back: it goes on
        await call.clock.advance(700, session)
        assert not session.ended.is_set()
        await session.end_leg("agent")
        await call.clock.advance(31, session)
        assert session.ended.is_set()


async def test_a_session_whose_client_was_lost_waits_longer() -> None:
    async with calls() as call:
        session = await call.session()
        session.legs.detach(await session.open_leg("agent", sample_rate=16_000))
        await call.clock.advance(31, session)
        assert session.legs.of("agent").ended.is_set()
        await call.clock.advance(299, session)
        assert not session.ended.is_set()
        await call.clock.advance(2, session)
        assert session.ended.is_set()


async def test_a_session_in_which_nobody_speaks_ends() -> None:
    async with calls(session_silence=600) as call:
        session = await call.session()
        attachment = await session.open_leg("agent", sample_rate=16_000)
        await call.clock.advance(500, session)
        await attachment.send(tones(440))
        await call.clock.advance(599, session)
        assert not session.ended.is_set()
        await call.clock.advance(2, session)
        assert session.ended.is_set()
        assert session.record.transcript.text == "f440"
        codes = [e.code for e in call.events(session.session_id) if isinstance(e, Notice)]
        assert codes == ["silence"]


async def test_roles_are_exchanged_from_the_beginning() -> None:
    async with calls() as call:
        session = await call.session()
        for speaker, tone in (("agent", 440), ("technician", 880)):
            attachment = await session.open_leg(speaker, sample_rate=16_000)
            await attachment.send(tones(tone))
            await session.finalize(speaker)
            if speaker == "agent":
                first = attachment
        with pytest.raises(LegNotFound):
            session.swap("agent", "nobody")
        session.swap("agent", "technician")
        await first.send(tones(660))
        transcript = await session.end()
        assert transcript.of("technician") == "f440 f660"
        assert transcript.of("agent") == "f880"
        ids = [u.utterance_id for u in transcript.utterances if u.speaker == "technician"]
        assert ids == ["agent-1", "agent-2"]
        ended = [e.speaker for e in call.events(session.session_id) if isinstance(e, LegEnded)]
        assert sorted(ended) == ["agent", "technician"]


async def test_timers_run_by_themselves() -> None:
    """The one test on a real clock: the deadlines are kept without anybody looking."""
    async with calls(leg_grace=0.02, session_idle=0.02) as call:
        call.service._around = session_module.Surroundings(
            ledger=call.service._ledger,
            sinks=(),
            clock=call.clock.wall,
            monotonic=asyncio.get_running_loop().time,
            leg_grace=0.02,
            idle=0.02,
        )
        session = await call.session()
        session.legs.detach(await session.open_leg("agent", sample_rate=16_000))
        async with asyncio.timeout(2):
            await session.ended.wait()
        assert call.types(session.session_id)[-2:] == ["leg_ended", "session_ended"]


@pytest.mark.parametrize("fault", ["fails", "hangs"])
async def test_an_engine_that_does_not_finish_does_not_keep_the_call(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LAST_FINALS", 0.02)
    async with calls() as call:
        session = await call.session()
        attachment = await session.open_leg("agent", sample_rate=16_000)
        await attachment.send(tones(440))
        call.engine.fail_closing = fault == "fails"
        call.engine.close_delay = 60 if fault == "hangs" else 0
        with capture_logs() as logs:
            transcript = await session.end()
        assert transcript.text == "f440"
        assert session.record.faults == 1
        assert logs[0]["event"] == "last_finals_failed"
        notices = [e.code for e in call.events(session.session_id) if isinstance(e, Notice)]
        assert notices == ["last_finals_failed"]


async def test_a_sink_that_fails_or_hangs_stops_neither_the_next_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "SAVING", 0.02)
    saved: list[Transcript] = []

    async def fails(_: Transcript) -> None:
        raise OSError("disk full")

    async def hangs(_: Transcript) -> None:
        await asyncio.Event().wait()

    async def works(transcript: Transcript) -> None:
        saved.append(transcript)

    async with calls([fails, hangs, works]) as call:
        session = await call.session()
        with capture_logs():
            await session.end()
        assert len(saved) == 1
        assert session.record.faults == 2


async def test_finalize_asks_the_engine_and_the_leg_goes_on() -> None:
    async with calls() as call:
        session = await call.session()
        with pytest.raises(LegNotFound):
            await session.finalize("agent")
        attachment = await session.open_leg("agent", sample_rate=16_000)
        await attachment.send(tones(440, gap=0.0))
        await session.finalize("agent")
        assert session.record.transcript.text == "f440"
        await attachment.send(tones(600))
        await session.end_leg("agent")
        await session.finalize("agent")
        assert session.record.transcript.text == "f440\nf600"
        assert call.engine.connections[0].finalized == 1


async def test_a_leg_ends_once_however_often_it_is_asked() -> None:
    async with calls() as call:
        call.engine.close_delay = 0.01
        session = await call.session()
        await session.open_leg("agent", sample_rate=16_000)
        await asyncio.gather(*(session.end_leg("agent") for _ in range(5)))
        assert call.types(session.session_id).count("leg_ended") == 1


def test_what_ends_a_leg_waits_longer_than_all_that_is_within() -> None:
    within = resilient.CLOSING + resilient.REPAIRING + rehearing.FINISHING
    assert within < session_module.LAST_FINALS < server_module.LAST_WORDS
