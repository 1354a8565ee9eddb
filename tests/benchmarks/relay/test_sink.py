"""The sink speaks Deepgram's protocol."""

from __future__ import annotations

from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.relay import heard, marks
from benchmarks.relay.gateways import sink
from callscribe.wire import deepgram as dg

FRAME = b"\xff" * 160
QUERY = "model=nova-3&encoding=mulaw&sample_rate=8000"


def parsed(message: bytes | str) -> dg.Results:
    text = message.decode() if isinstance(message, bytes) else message
    found = dg.parse_server(text)
    assert isinstance(found, dg.Results)
    return found


def second(number: int) -> list[dg.Results]:
    begun = number * heard.SEGMENT
    ends = range(begun + heard.STEP, begun + heard.SEGMENT + 1, heard.STEP)
    return [parsed(heard.result(3, begun, until, 99)) for until in ends]


def test_a_second_is_interims_and_one_final() -> None:
    found = second(4)
    assert [one.is_final for one in found] == [False] * 9 + [True]
    assert {one.start for one in found} == {4.0}
    assert [one.duration for one in found] == pytest.approx([n / 10 for n in range(1, 11)])


def test_words_lie_in_order_within_their_result() -> None:
    for one in second(12):
        words = one.alternative.words
        assert words[0].start >= one.start
        assert words[-1].end <= one.start + one.duration
        assert all(before.end <= after.start for before, after in pairwise(words))


def test_every_third_final_ends_an_utterance() -> None:
    assert [second(n)[-1].speech_final for n in range(6)] == [False, False, True] * 2


def test_a_result_is_as_long_as_deepgrams() -> None:
    assert 1100 < len(heard.result(399, 60_000, 60_500, 10**15)) < 1400


def say(socket: ClientConnection, leg: int, frames: int) -> None:
    socket.send(marks.sign(leg, FRAME))
    for _ in range(frames - 1):
        socket.send(FRAME)


def test_audio_is_answered_and_a_stream_ends_as_deepgrams_does() -> None:
    with sink() as (_, url), connect(f"{url}/v1/listen?{QUERY}") as socket:
        socket.send('{"type":"KeepAlive"}')
        say(socket, 41, 13)  # 260 ms
        found = [marks.find(str(socket.recv(5)).encode()) for _ in range(2)]
        assert [(mark.leg, mark.ms) for mark in found if mark] == [(41, 100), (41, 200)]
        socket.send('{"type":"Finalize"}')
        finalized = parsed(socket.recv(5))
        assert (finalized.is_final, finalized.from_finalize) == (True, True)
        assert (finalized.start, finalized.duration) == (0.0, 0.26)
        socket.send(FRAME)
        socket.send(FRAME)  # 300 ms
        later = parsed(socket.recv(5))
        assert later.start == pytest.approx(0.26)
        socket.send('{"type":"CloseStream"}')
        last = parsed(socket.recv(5))
        assert last.is_final is True
        metadata = dg.parse_server(str(socket.recv(5)))
        assert isinstance(metadata, dg.Metadata)
        assert metadata.duration == pytest.approx(0.3)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
