"""When it is listened along, and when that asks for a final; the ears' hearing is in test_ears."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callscribe.engines.deepgram.along import Along
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.watch import UNANSWERED, Watch
from callscribe.engines.ears import Ears
from callscribe.wire import deepgram as dg
from tests.calls import Clock

pytestmark = pytest.mark.anyio

RATE = 8000
SILENCE = 0.5


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    made = Ears()
    yield made
    made.close()


def results(until: float, text: str, *, final: bool) -> dg.Results:
    words = [dg.Word(word=text, start=until - 0.5, end=until, confidence=0.9)] if text else []
    best = dg.Alternative(transcript=text, confidence=0.9, words=words)
    return dg.Results(
        start=0.0,
        duration=until,
        is_final=final,
        speech_final=final,
        channel=dg.Channel(alternatives=[best]),
    )


class Scene:
    """A leg of which the server has heard what it is told."""

    def __init__(self, ears: Ears) -> None:
        self.clock = Clock()
        self.reader = ResultReader("fr", self.clock.monotonic)
        self.watch = Watch(RATE, self.clock.monotonic)
        self.asked = 0
        self.along = Along(ears, RATE, "mulaw", SILENCE, self.reader, self.watch, self._ask)

    def _ask(self) -> None:
        self.asked += 1

    def play(self, seconds: float) -> None:
        self.clock.now += seconds
        self.watch.audio(int(seconds * RATE), self.clock.now)

    def told(self, until: float, text: str, *, final: bool = False) -> None:
        message = results(until, text, final=final)
        self.reader.read(message)
        self.watch.results(until)


async def test_it_listens_while_something_is_open_and_not_answered(ears: Ears) -> None:
    scene = Scene(ears)
    scene.play(1.0)
    scene.told(1.0, "oui")
    assert not scene.along.look(), "the word has just been said"
    scene.play(SILENCE + 0.1)
    scene.told(1.0 + SILENCE, "oui")
    scene.reader.read(results(1.0, "oui", final=False))
    assert scene.along.look(), "the word was said a while ago, and it is still open"
    scene.told(1.0 + SILENCE, "oui", final=True)
    assert not scene.along.look()
    scene.play(UNANSWERED + 0.1)
    assert scene.along.look(), "nothing comes any more"
    scene.along.close()


async def test_a_final_is_asked_for_only_where_one_is_open(ears: Ears) -> None:
    scene = Scene(ears)
    scene.along.ended(1.0)
    assert not scene.asked
    scene.play(1.0)
    scene.told(1.0, "oui")
    scene.along.ended(1.0)
    assert scene.asked == 1
    scene.along.ended(0.4)
    assert scene.asked == 1, "what stands behind it is another utterance"
    scene.along.close()
