"""The legs of a session: opened, lost, taken up again, refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from callscribe.errors import (
    AudioError,
    CapacityError,
    ConfigurationError,
    LegNotFound,
    SessionClosed,
    SessionError,
    SpeakerTaken,
)
from callscribe.events import LegResumed, LegStarted
from callscribe.former import Recording
from callscribe.leg import LegState
from callscribe.session import Session
from callscribe.transcript import Utterance
from tests.calls import Calls, calls
from tests.engines_for_tests import EnergyConnection, tones

pytestmark = pytest.mark.anyio


RECORDING = Recording("mine", 0, 0)


def said(utterances: list[Utterance]) -> list[tuple[str, str]]:
    return [(u.speaker, u.text) for u in utterances]


async def test_a_speaker_speaks_once_at_a_time() -> None:
    async with calls() as call:
        session = await call.session()
        await session.legs.open("agent", 16_000)
        with pytest.raises(SpeakerTaken):
            await session.legs.open("agent", 16_000)
        await session.legs.open("technician", 8_000)
        assert [leg.speaker for leg in session.legs.live] == ["agent", "technician"]


async def test_what_is_logged_for_a_leg_names_its_speaker() -> None:
    told: list[dict[str, Any]] = []

    async def log() -> None:
        told.append(structlog.contextvars.get_contextvars())

    async with calls() as call:
        opening = call.engine.transcribe_streaming

        async def open_with_a_task(*args: Any, **options: Any) -> EnergyConnection:
            tasks.append(asyncio.create_task(log()))
            return await opening(*args, **options)

        tasks: list[asyncio.Task[None]] = []
        call.engine.transcribe_streaming = open_with_a_task  # type: ignore[method-assign]
        session = await call.session()
        await session.legs.open("agent", 16_000)
        await session.legs.open("technician", 8_000)
        await asyncio.gather(*tasks)
    assert told == [{"speaker": "agent"}, {"speaker": "technician"}]
    assert not structlog.contextvars.get_contextvars()


async def test_two_who_open_at_the_same_time_do_not_both_get_it() -> None:
    async with calls() as call:
        call.engine.opening_delay = 0.01
        session = await call.session()
        answers = await asyncio.gather(
            *(session.legs.open("agent", 16_000) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(answer, SpeakerTaken) for answer in answers) == 4
        assert call.engine.open_legs == 1


async def test_a_speaker_may_speak_again_after_the_end() -> None:
    async with calls() as call:
        session = await call.session()
        for _ in range(2):
            attachment = await session.legs.open("agent", 16_000)
            await attachment.send(tones(440))
            await session.end_leg("agent")
        assert said(session.record.transcript.utterances) == [("agent", "f440")] * 2
        ids = [u.utterance_id for u in session.record.transcript.utterances]
        assert ids == ["agent-1", "agent-2"]
        assert len(session.legs.all) == 2


@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_a_resumed_leg_goes_on_at_the_sample(rate: int) -> None:
    """Cut at every kind of place, the words and their times are those of the uncut leg."""
    audio = tones(440, 600, 800, rate=rate)
    async with calls() as call:
        session = await call.session()
        attachment = await session.legs.open("agent", rate)
        received = 0
        for cut in (0.05, 0.22, 0.5, 0.77, 1.0):
            await attachment.send(audio[received * 2 : int(cut * len(audio)) // 2 * 2])
            leg = attachment.leg
            session.legs.detach(attachment)
            assert leg.state is LegState.DETACHED
            await call.clock.advance(29, session)
            attachment = session.legs.resume("agent", leg.resume, rate)
            received = leg.received
        await session.end_leg("agent")
        utterances = session.record.transcript.utterances
        assert [u.text for u in utterances] == ["f440", "f600", "f800"]
        assert [round(u.start, 3) for u in utterances] == [0.1, 0.9, 1.7]
        assert len(call.engine.connections) == 1
        resumed = [e.received for e in call.events(session.session_id) if isinstance(e, LegResumed)]
        assert resumed[-1] == len(audio) // 2


async def test_who_does_not_come_back_in_time_is_ended_and_keeps_the_last_words() -> None:
    async with calls() as call:
        session = await call.session()
        attachment = await session.legs.open("agent", 16_000)
        await attachment.send(tones(440, gap=0.0))  # no endpoint yet
        session.legs.detach(attachment)
        await call.clock.advance(29.9, session)
        assert attachment.leg.state is LegState.DETACHED
        assert said(session.record.transcript.utterances) == []
        await call.clock.advance(0.2, session)
        assert attachment.leg.state is LegState.ENDED
        assert said(session.record.transcript.utterances) == [("agent", "f440")]
        assert call.types(session.session_id)[-4:] == [
            "leg_started",
            "leg_detached",
            "final",
            "leg_ended",
        ]
        with pytest.raises(SessionClosed):
            session.legs.resume("agent", attachment.leg.resume, 16_000)


async def test_a_half_open_connection_is_taken_over_with_the_token() -> None:
    async with calls() as call:
        session = await call.session()
        old = await session.legs.open("agent", 16_000)
        await old.send(tones(440))
        new = session.legs.resume("agent", old.leg.resume, 16_000)
        assert old.lost.is_set()
        session.legs.detach(old)  # its socket closes late: that means nothing any more
        assert new.leg.state is LegState.OPEN
        await new.send(tones(600))
        await session.end_leg("agent")
        assert [u.text for u in session.record.transcript.utterances] == ["f440", "f600"]


async def test_resuming_is_refused() -> None:
    async with calls() as call:
        session = await call.session()
        with pytest.raises(LegNotFound):
            session.legs.resume("agent", "token", 16_000)
        attachment = await session.legs.open("agent", 16_000)
        for token in ("wrong", "é", attachment.leg.resume[:-1]):
            with pytest.raises(SessionError) as caught:
                session.legs.resume("agent", token, 16_000)
            assert caught.value.code == "bad_resume"
        with pytest.raises(AudioError) as rate:
            session.legs.resume("agent", attachment.leg.resume, 8_000)
        assert rate.value.code == "bad_sample_rate"
        assert not attachment.lost.is_set()


async def test_a_client_who_lost_the_token_starts_anew() -> None:
    async with calls() as call:
        session = await call.session()
        lost = await session.legs.open("agent", 16_000)
        await lost.send(tones(440, gap=0.0))
        session.legs.detach(lost)
        new = await session.legs.open("agent", 16_000)
        assert lost.leg.ended.is_set()
        await new.send(tones(600))
        await session.end_leg("agent")
        assert [u.text for u in session.record.transcript.utterances] == ["f440", "f600"]


async def test_the_call_clock_maps_the_legs_onto_each_other() -> None:
    async with calls() as call:
        session = await call.session()
        agent = await session.legs.open("agent", 16_000)
        technician = await session.legs.open("technician", 8_000)
        call.clock.now += 7  # silence before the call begins does not count
        await agent.send(bytes(32_000))  # one second has just been said
        call.clock.now += 4
        await technician.send(bytes(16_000))  # one second as well
        started = [e for e in call.events(session.session_id) if isinstance(e, LegStarted)]
        assert [(e.speaker, e.offset) for e in started] == [("agent", 0.0), ("technician", 4.0)]
        await technician.send(tones(440, rate=8_000))
        await session.end_leg("technician")
        assert round(session.record.transcript.utterances[0].start, 3) == 5.1


def offsets(call: Calls, session: Session) -> list[tuple[str, float]]:
    started = [e for e in call.events(session.session_id) if isinstance(e, LegStarted)]
    return [(event.speaker, event.offset) for event in started]


async def test_audio_that_was_kept_has_its_place_on_the_call_clock() -> None:
    """Who comes late with old audio spoke when he spoke, however long opening takes."""
    async with calls() as call:
        session = await call.session()
        agent = await session.legs.open("agent", 16_000)
        await agent.send(tones(440, 600, gap=2.0))  # begins 4.7 s before this, at 100 - 4.7
        call.clock.now += 10
        call.engine.opening_delay = 0.01
        opening = asyncio.ensure_future(session.legs.open("technician", 16_000, waiting=13.2))
        await asyncio.sleep(0)
        call.clock.now += 5
        await (await opening).send(tones(800))
        for speaker in ("agent", "technician"):
            await session.end_leg(speaker)
        assert [(who, round(at, 3)) for who, at in offsets(call, session)] == [
            ("agent", 0.0),
            ("technician", 1.5),
        ]
        told = session.record.transcript.utterances
        assert [(u.text, round(u.start, 3)) for u in told] == [
            ("f440", 0.1),
            ("f800", 1.6),
            ("f600", 2.4),
        ]


async def test_the_call_begins_with_the_oldest_audio_that_is_there() -> None:
    async with calls() as call:
        session = await call.session()
        agent = await session.legs.open("agent", 16_000, waiting=4.0)
        technician = await session.legs.open("technician", 8_000, waiting=7.0)
        call.clock.now += 1
        await agent.send(bytes(640))
        await technician.send(bytes(320))
        assert offsets(call, session) == [("agent", 3.0), ("technician", 0.0)]
        later = await session.legs.open("client", 8_000, waiting=3600.0)
        await later.send(bytes(320))
        assert offsets(call, session)[2] == ("client", 0.0)  # the clock runs already


async def test_audio_is_no_younger_than_it_is_long() -> None:
    async with calls() as call:
        session = await call.session()
        agent = await session.legs.open("agent", 16_000)
        await agent.send(bytes(32_000))
        call.clock.now += 3
        technician = await session.legs.open("technician", 8_000, waiting=0.001)
        await technician.send(bytes(32_000))  # two seconds
        assert offsets(call, session)[1] == ("technician", 2.0)


async def test_a_leg_goes_on_with_what_its_client_has_kept_of_the_one_before() -> None:
    """Its client was gone for too long: what was written down is not heard twice."""
    async with calls() as call:
        session = await call.session()
        first = await session.legs.open("agent", 16_000, recording=RECORDING)
        await first.send(tones(440))  # 0.9 s
        call.clock.now += 100
        await session.end_leg("agent")
        kept = replace(RECORDING, settled=9_600, kept=9_600)
        again = await session.legs.open("agent", 16_000, waiting=99.0, recording=kept)
        assert again.skip == 14_400 - 9_600
        assert again.leg.first == 14_400
        await again.send(tones(880))
        assert offsets(call, session)[1] == ("agent", pytest.approx(0.9)), "where the other ended"
        await session.end_leg("agent")
        assert [u.text for u in session.record.transcript.utterances] == ["f440", "f880"]


@pytest.mark.parametrize(
    ("rate", "name", "swapped"),
    [(16_000, "another", False), (8_000, "mine", False), (16_000, "mine", True)],
)
async def test_what_does_not_fit_is_told_again(rate: int, name: str, swapped: bool) -> None:
    async with calls() as call:
        session = await call.session()
        first = await session.legs.open("agent", 16_000, recording=RECORDING)
        await session.legs.open("technician", 16_000)
        await first.send(tones(440))
        call.clock.now += 100
        await session.end_leg("agent")
        if swapped:
            session.swap("agent", "technician")
            session.swap("technician", "agent")
        kept = Recording(name, 9_600, 9_600)
        again = await session.legs.open("agent", rate, waiting=3.0, recording=kept)
        assert again.skip == 0
        assert again.leg.place is None
        assert again.leg.first == 9_600


async def test_without_the_age_of_what_was_kept_its_samples_say_where_it_belongs() -> None:
    async with calls() as call:
        session = await call.session()
        first = await session.legs.open("agent", 16_000, recording=RECORDING)
        await first.send(tones(440))
        call.clock.now += 100
        await session.end_leg("agent")
        again = await session.legs.open("agent", 16_000, recording=RECORDING)
        await again.send(tones(880))
        assert offsets(call, session)[1] == ("agent", pytest.approx(0.9))


async def test_a_leg_that_has_not_ended_cannot_be_gone_on_with() -> None:
    async with calls() as call:
        session = await call.session()
        first = await session.legs.open("agent", 16_000, recording=RECORDING)
        await first.send(tones(440))
        other = await session.legs.open("technician", 16_000, waiting=3.0, recording=RECORDING)
        assert (other.skip, other.leg.place) == (0, None)


async def test_what_an_engine_left_unwritten_is_heard_again() -> None:
    async with calls() as call:
        session = await call.session()
        first = await session.legs.open("agent", 16_000, recording=RECORDING)
        await first.send(tones(440, 880)[:-16_000])  # the second tone has no end yet
        call.engine.fail_closing = True
        await session.end_leg("agent")
        call.engine.fail_closing = False
        settled = first.leg.settled
        assert 0 < settled < first.leg.received
        again = await session.legs.open("agent", 16_000, waiting=2.0, recording=RECORDING)
        assert again.skip == settled


async def test_a_leg_without_audio_begins_and_ends_all_the_same() -> None:
    async with calls() as call:
        session = await call.session()
        await session.legs.open("agent", 16_000)
        await session.end_leg("agent")
        assert call.types(session.session_id) == ["session_started", "leg_started", "leg_ended"]


async def test_what_the_engine_cannot_do_is_refused_before_audio_flows() -> None:
    async with calls() as call:
        session = await call.session()
        with pytest.raises(ConfigurationError, match="tlh") as caught:
            await session.legs.open("agent", 16_000, "tlh")
        assert caught.value.code == "bad_language"
        assert (await session.legs.open("agent", 16_000, "auto")).leg.language == "auto"
        call.engine.max_legs = 1
        with pytest.raises(CapacityError):
            await session.legs.open("technician", 8_000)
        await session.end_leg("agent")
        await session.legs.open("technician", 8_000)


async def test_the_engine_gets_the_sessions_options() -> None:
    async with calls() as call:
        session = await call.session()
        await session.legs.open("agent", 16_000)
        assert call.engine.options is not None
        assert call.engine.options.endpointing_ms == session.config.endpointing_ms
        assert call.engine.options.interim_results is True


async def test_feeding_opens_on_first_use_and_watches_the_rate() -> None:
    async with calls() as call:
        call.engine.opening_delay = 0.01
        session = await call.session()
        silence = bytes(320)
        await asyncio.gather(*(session.legs.feed("agent", silence, 16_000) for _ in range(10)))
        assert session.legs.of("agent").received == 1600
        with pytest.raises(AudioError, match="16000"):
            await session.legs.feed("agent", silence, 8_000)
        await session.end_leg("agent")
        await session.legs.feed("agent", silence, 8_000)  # a new leg


async def test_a_caller_who_gives_up_opening_leaves_the_place_free() -> None:
    async with calls() as call:
        call.engine.opening_delay = 60
        session = await call.session()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.legs.open("agent", 16_000)
        assert not session.legs.occupied
        call.engine.opening_delay = 0
        await session.legs.open("agent", 16_000)


async def test_a_session_that_ends_while_a_leg_opens_leaves_no_leg() -> None:
    async with calls() as call:
        call.engine.opening_delay = 0.02
        session = await call.session()
        opening = asyncio.ensure_future(session.legs.open("agent", 16_000))
        await asyncio.sleep(0)
        await session.end()
        with pytest.raises(SessionClosed):
            await opening
        assert call.engine.open_legs == 0


async def test_detaching_twice_is_once() -> None:
    async with calls() as call:
        session = await call.session()
        attachment = await session.legs.open("agent", 16_000)
        session.legs.detach(attachment)
        session.legs.detach(attachment)
        assert call.types(session.session_id).count("leg_detached") == 1


async def test_names_are_not_exchanged_while_a_leg_is_being_connected() -> None:
    async with calls() as call:
        session = await call.session()
        agent = await session.legs.open("agent", 16_000)
        session.legs.detach(await session.legs.open("technician", 16_000))
        call.engine.opening_delay = 0.05
        again = asyncio.create_task(session.legs.open("technician", 16_000))
        await asyncio.sleep(0.01)
        with pytest.raises(SpeakerTaken):
            session.swap("agent", "technician")
        await again
        session.swap("agent", "technician")
        assert session.legs.of("technician") is agent.leg
        await agent.send(tones(440))
        transcript = await session.end()
        assert said(transcript.utterances) == [("technician", "f440")]
        assert not call.service.streaming_connections


async def test_who_feeds_audio_goes_on_after_names_were_exchanged() -> None:
    async with calls() as call:
        session = await call.session()
        for rate, speaker, tone in ((8_000, "technician", 440), (16_000, "agent", 880)):
            await session.legs.feed(speaker, tones(tone, rate=rate), rate)
        session.swap("agent", "technician")
        await session.legs.feed("technician", tones(600, rate=8_000), 8_000)
        transcript = await session.end()
        assert transcript.of("agent") == "f440 f600"
        assert transcript.of("technician") == "f880"
