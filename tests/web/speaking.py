"""Who speaks in calls that pages show: clients that send tones, and engines that hear sentences."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection

from callscribe.engines.base import EngineEvent, Reheard, Repaired, Unheard
from callscribe.leg import Leg
from callscribe.transcript import Result, Word
from tests.engines_for_tests import EnergyConnection, tones
from tests.serving import Served

WORD = 0.3
"""Seconds that a word takes."""


class Speaker:
    """Somebody who sends tones to a session."""

    def __init__(self, socket: ClientConnection, speaker: str, session_id: str) -> None:
        self.socket = socket
        start = {"type": "start", "session_id": session_id, "speaker": speaker}
        self.socket.send(json.dumps(start))
        self.session_id: str = json.loads(self.socket.recv())["session_id"]

    def say(self, *frequencies: int, gap: float = 0.5) -> None:
        self.socket.send(tones(*frequencies, gap=gap))

    def breathe(self) -> None:
        """Sends a moment of silence, with which the leg begins."""
        self.socket.send(bytes(640))

    def leave(self) -> None:
        self.socket.send(json.dumps({"type": "stop"}))
        while json.loads(self.socket.recv())["type"] != "ended":
            pass


Join = Callable[..., Speaker]


def ask(address: str) -> Any:
    """What a server answers."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def leg_of(served: Served, session_id: str, speaker: str) -> Leg:
    """The speaker's leg, once its first sample is there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        legs = served.context.service.session(session_id).legs.all
        for leg in reversed(legs):
            if leg.speaker == speaker and leg.offset is not None:
                return leg
        time.sleep(0.01)
    raise AssertionError(f"{speaker} has not come")


def hear(
    served: Served,
    session_id: str,
    speaker: str,
    text: str,
    start: float,
    confidence: float = 0.9,
    *,
    unsure: bool = False,
) -> None:
    """Has the engine understand a sentence, spoken from ``start`` on the call clock on."""
    words = tuple(
        Word(word, start + n * WORD, start + (n + 1) * WORD, confidence)
        for n, word in enumerate(text.split())
    )
    end = start + len(words) * WORD
    said = Result(text, start, end, True, True, words, confidence, "fr", unsure=unsure)
    _tell(served, leg_of(served, session_id, speaker), said)


def hear_again(
    served: Served, session_id: str, speaker: str, before: str, text: str, start: float
) -> None:
    """Has a sentence that began at ``start`` on the call clock understood in another way."""
    leg = leg_of(served, session_id, speaker)
    start -= leg.offset or 0.0
    count = len(text.split())
    words = tuple(
        Word(word, start + n * WORD, start + (n + 1) * WORD, 0.95)
        for n, word in enumerate(text.split())
    )
    now = Result(text, start, start + count * WORD, True, True, words, 0.95, "fr")
    end = start + len(before.split()) * WORD
    _tell(served, leg, Reheard(start, end, now, "whisper"))


def hear_nothing(served: Served, session_id: str, speaker: str, start: float, end: float) -> None:
    """Has the engine say that it could not hear a stretch of the call clock."""
    leg = leg_of(served, session_id, speaker)
    offset = leg.offset or 0.0
    _tell(served, leg, Unheard(start - offset, end - offset, "network"))


def hear_after_all(
    served: Served, session_id: str, speaker: str, start: float, end: float, *texts: str
) -> None:
    """Has a stretch that nobody heard repaired: sentences one after the other from its start on."""
    leg = leg_of(served, session_id, speaker)
    offset = leg.offset or 0.0
    results, at = [], start - offset
    for text in texts:
        words = []
        for word in text.split():
            words.append(Word(word, at, at + WORD, 0.9))
            at += WORD
        first = words[0].start
        results.append(Result(text, first, at, True, True, tuple(words), 0.9, "fr"))
    _tell(served, leg, Repaired(start - offset, end - offset, tuple(results)))


def _tell(served: Served, leg: Leg, heard: EngineEvent) -> None:
    connection = leg.connection
    assert isinstance(connection, EnergyConnection)
    if isinstance(heard, Result):
        heard = heard.moved(-(leg.offset or 0.0))
    on_loop(served, lambda: connection._tell(heard))


def on_loop(served: Served, act: Callable[[], object]) -> None:
    """Does something on the server's event loop, and waits until it is done."""

    async def do() -> None:
        act()

    loop = served.server.servers[0].get_loop()
    asyncio.run_coroutine_threadsafe(do(), loop).result(10)
