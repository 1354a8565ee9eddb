"""A leg and who holds it."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.base import Silent, SpeechBegan, Unheard
from callscribe.engines.lane import Lane
from callscribe.errors import AudioError, EngineError, SessionClosed, SpeakerTaken
from callscribe.leg import Attachment, Leg, LegState
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw

pytestmark = pytest.mark.anyio


class Sink:
    """A connection that keeps what it gets."""

    is_connected = True

    def __init__(self) -> None:
        self.audio = b""
        self.broken = False
        self.lane = Lane(self._note)

    def _note(self, audio: bytes, _since: float, _now: float) -> None:
        self.audio += audio

    async def send_audio(self, audio: bytes) -> None:
        if self.broken:
            raise EngineError("broken")
        self.audio += audio

    async def finalize(self) -> None: ...

    async def close(self) -> None: ...


begun: list[float] = []


@pytest.fixture
def leg() -> Leg:
    def begin(leg: Leg, seconds: float) -> None:
        leg.offset = 0.0
        begun.append(seconds)

    begun.clear()
    return Leg("agent", sample_rate=8000, language="fr", engine="e", since=0, on_begin=begin)


async def test_every_sample_is_counted(leg: Leg) -> None:
    sink = Sink()
    attachment = Attachment(leg, sink)
    for size in (2, 320, 6, 31_998):
        await attachment.send(b"\1" * size)
    assert leg.received == len(sink.audio) // 2 == 16_163
    assert leg.seconds == 16_163 / 8000
    assert begun == [1 / 8000]


@pytest.mark.parametrize(("audio", "says"), [(b"", "without any audio"), (b"abc", "16-bit")])
async def test_half_samples_are_refused_whole(leg: Leg, audio: bytes, says: str) -> None:
    sink = Sink()
    with pytest.raises(AudioError, match=says) as caught:
        await Attachment(leg, sink).send(audio)
    assert caught.value.code == "bad_audio"
    assert (leg.received, sink.audio, begun) == (0, b"", [])


async def test_audio_that_the_engine_refused_is_not_counted(leg: Leg) -> None:
    sink = Sink()
    sink.broken = True
    with pytest.raises(EngineError):
        await Attachment(leg, sink).send(b"ab")
    assert leg.received == 0


async def test_a_second_attachment_takes_over(leg: Leg) -> None:
    sink = Sink()
    old = Attachment(leg, sink)
    new = Attachment(leg, sink)
    assert old.lost.is_set()
    with pytest.raises(SpeakerTaken) as caught:
        await old.send(b"ab")
    assert caught.value.code == "taken_over"
    await new.send(b"ab")
    assert not new.lost.is_set()


async def test_audio_goes_the_short_way_while_nothing_is_in_its_way(leg: Leg) -> None:
    sink = Sink()
    leg.connect(sink)
    attachment = Attachment(leg, sink)
    sent: list[bytes] = []
    assert not attachment.take(b"ab", 1.0), "the leg has not begun"
    await attachment.send(b"ab")
    assert not attachment.take(b"cd", 1.02), "the engine has not opened its lane"
    sink.lane.open(lambda audio: not sent.append(audio))  # type: ignore[func-returns-value]
    for audio in (b"", b"c"):
        assert not attachment.take(audio, 1.02), "send has to say what is wrong"
    assert attachment.take(b"cd", 1.02)
    assert attachment.take(b"ef", 1.04)
    assert sent == [b"cd", b"ef"]
    assert leg.received == 3
    await attachment.send(b"gh")
    assert sink.audio == b"abcdefgh"
    new = Attachment(leg, sink)
    assert not attachment.take(b"ij", 1.06), "another has taken it over"
    assert new.take(b"ij", 1.06), "the leg has begun"
    leg.let_go(2.0)
    assert not new.take(b"kl", 1.08), "it has let go"
    last = Attachment(leg, sink)
    assert last.take(b"kl", 1.08)
    leg.ask_end()
    assert not last.take(b"mn", 1.1), "the leg ends"


async def test_after_the_end_nothing_is_taken(leg: Leg) -> None:
    attachment = Attachment(leg, Sink())
    leg.ask_end()
    assert not attachment.take(b"ab", 1.0)
    with pytest.raises(SessionClosed):
        await attachment.send(b"ab")


def test_deadlines(leg: Leg) -> None:
    assert leg.deadline(30) is None
    leg.let_go(100.0)
    assert leg.state is LegState.DETACHED
    assert leg.deadline(30) == 130
    Attachment(leg, Sink())
    assert leg.state is LegState.OPEN
    assert leg.deadline(30) is None
    leg.ask_end()
    assert leg.deadline(30) == 0


def test_lag_is_the_text_behind_the_audio_while_somebody_speaks(leg: Leg) -> None:
    leg.take(bytes(2 * 8000 * 10))
    assert leg.lag_ms is None
    leg.follow(SpeechBegan(8.0))
    assert leg.lag_ms == 2000
    leg.follow(Result("oui", 8.0, 9.5, is_final=False))
    assert leg.lag_ms == 500
    leg.follow(Result("oui", 8.0, 10.5, is_final=True, speech_final=False))
    assert leg.lag_ms == 0
    leg.follow(Result("oui", 8.0, 10.5, is_final=True, speech_final=True))
    assert leg.lag_ms is None


def test_tokens_differ_and_do_not_appear_in_what_is_shown(leg: Leg) -> None:
    other = Leg("b", sample_rate=8000, language="fr", engine="e", since=0, on_begin=leg.begin)
    assert leg.resume != other.resume
    assert len(leg.resume) >= 32
    assert leg.resume not in str(leg.to_dict())


async def test_a_leg_knows_how_loud_it_was(leg: Leg) -> None:
    attachment = Attachment(leg, Sink())
    for value in (b"\x00\x10" * 160,) * 100:  # 1/8 of full scale, -18 dB
        await attachment.send(value)
    levels = leg.loudness.levels(0.0, 2.0)
    assert levels is not None
    assert levels.mean(0.0, 2.0) == pytest.approx(-18.06, abs=0.01)


async def test_mu_law_is_measured_as_what_it_stands_for(leg: Leg) -> None:
    coded = Leg(
        "a",
        sample_rate=8000,
        encoding="mulaw",
        language="fr",
        engine="e",
        since=0,
        on_begin=leg.begin,
    )
    coded.offset = 0.0
    await Attachment(coded, Sink()).send(samples_to_mulaw(np.full(8000, 4096, np.int16)))
    levels = coded.loudness.levels(0.0, 1.0)
    assert levels is not None
    assert levels.mean(0.0, 1.0) == pytest.approx(-18.06, abs=0.3)


async def test_settled_is_what_will_not_be_told_any_more(leg: Leg) -> None:
    await Attachment(leg, Sink()).send(bytes(2 * 8000 * 10))
    assert leg.settled == 0
    leg.follow(SpeechBegan(0.5))
    leg.follow(Result("oui", 0.5, 1.0, is_final=False))
    assert leg.settled == 0
    leg.follow(Result("oui", 0.5, 1.0, is_final=True, until=1.25))
    assert leg.settled == 10_000
    leg.follow(Result("non", 2.0, 2.5, is_final=True))
    assert leg.settled == 20_000
    leg.follow(Silent(5.0))
    leg.follow(Silent(4.0))
    assert leg.settled == 40_000
    leg.follow(Unheard(5.0, 6.0, "no"))
    assert leg.settled == 48_000
    leg.follow(Silent(99.0))
    assert leg.settled == leg.received, "what has not come cannot be"
