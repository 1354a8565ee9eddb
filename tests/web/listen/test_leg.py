"""A channel's leg; the streams' tests change one while audio flows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from callscribe.engines.base import EngineEvent, SpeechBegan, StreamOptions, TranscriptCallback
from callscribe.transcript import Result, Word
from callscribe.web.listen.channel import ChannelText
from callscribe.web.listen.leg import ChannelLeg, later
from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_query import ListenQuery
from tests.engines_for_tests import EnergyConnection, EnergyEngine, tones


def test_the_last_words_of_one_leg_come_before_the_first_of_the_next() -> None:
    engine, sent = EnergyEngine(), []

    async def opener(options: StreamOptions, tell: TranscriptCallback) -> EnergyConnection:
        return await engine.transcribe_streaming("s", "fr", 16_000, tell, options=options)

    async def send(messages: Sequence[dg.ServerMessage]) -> None:
        sent.extend(messages)

    async def talk() -> None:
        text = ChannelText(0, 1, ListenQuery(), dg.ResultsMetadata(request_id="r"))
        leg = ChannelLeg(opener, text, send)
        await leg.send_audio(tones(400))  # nobody listens yet
        await leg.finalize()
        await leg.go_on_with(await leg.open(StreamOptions()))
        await leg.send_audio(tones(400, gap=0.0))
        await leg.go_on_with(await leg.open(StreamOptions(), 0.4))
        await leg.send_audio(tones(600, gap=0.0))
        await leg.close()

    asyncio.run(talk())
    heard = [(m.alternative.transcript, m.alternative.words[0].start) for m in sent]
    assert heard == [("f400", 0.0), ("f600", 0.4)]
    assert engine.open_legs == 0


def test_times_go_on_from_where_the_leg_began() -> None:
    word = Word("oui", 1.0, 1.5, 0.9, "2")
    event: EngineEvent = Result("oui", 1.0, 1.5, True, True, (word,), 0.9, "fr", 3.0, True)
    moved = Word("oui", 3.0, 3.5, 0.9, "2")
    assert later(event, 2.0) == Result("oui", 3.0, 3.5, True, True, (moved,), 0.9, "fr", 3.0, True)
    assert later(SpeechBegan(1.0), 2.0) == SpeechBegan(3.0)
    assert later(event, 0.0) is event
