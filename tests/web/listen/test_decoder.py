"""The decoder's thread: what waits is bounded, and it always ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from callscribe.web.listen.decoder import MOST_BYTES, MOST_SAMPLES, Decoder
from tests.web.listen.conftest import wav
from tests.web.listen.encoded import TONE, wav_head


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(lambda: None)
    yield made
    made.close()
    until(lambda: not any(t.name == "listen-decode" for t in threading.enumerate()))


def taken(decoder: Decoder) -> int:
    samples = 0
    while (block := decoder.take()) is not None:
        samples += block.shape[1]
    return samples


def test_it_settles_when_all_is_taken_and_it_starves(decoder: Decoder) -> None:
    assert decoder.settled  # nothing ever came
    decoder.put(wav(16_000, TONE[None]))
    got = 0
    while not decoder.settled:
        got += taken(decoder)
    assert got == len(TONE)
    assert not decoder.over
    decoder.put(b"LIST")
    decoder.end()
    until(lambda: decoder.over)
    assert decoder.error is None


def test_a_library_that_cannot_be_loaded_is_said(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "callscribe.web.listen.demuxer", None)
    decoder.put(b"RIFF")
    until(lambda: decoder.over)
    assert isinstance(decoder.error, ImportError)


def test_what_is_decoded_and_what_is_not_are_bounded(decoder: Decoder) -> None:
    decoder.put(wav_head(1, 16))
    sent = 0
    while decoder.has_room:
        decoder.put(bytes(64_000))
        sent += 32_000
        time.sleep(0.002)
        assert sent < 50 * MOST_SAMPLES
    most = MOST_SAMPLES + MOST_BYTES // 2
    assert most < sent < 1.5 * most
    got = 0
    decoder.end()
    while not decoder.over or not decoder.settled:
        got += taken(decoder)
    assert got == sent
    assert decoder.has_room


def test_closing_ends_it_though_nobody_takes(decoder: Decoder) -> None:
    decoder.put(wav_head(1, 16) + bytes(4 << 20))
    until(lambda: decoder._samples > MOST_SAMPLES)
    decoder.close()
    until(lambda: decoder.over)
    assert decoder.take() is None


def test_without_bytes_there_is_no_thread_and_no_error(decoder: Decoder) -> None:
    decoder.end()
    assert decoder.over
    decoder.put(b"too late")
    assert "listen-decode" not in [t.name for t in threading.enumerate()]
    assert decoder.error is None


def test_what_comes_after_the_decoder_gave_up_is_let_go(decoder: Decoder) -> None:
    for _ in range(2):
        decoder.put(b"words, words " * 8000)
    until(lambda: decoder.over)
    assert decoder.error is not None
    for _ in range(100):
        decoder.put(bytes(MOST_BYTES))
    assert decoder._bytes == 0


def test_it_tells_whenever_something_changes() -> None:
    told = threading.Semaphore(0)
    decoder = Decoder(told.release)
    decoder.put(wav_head(1, 16) + bytes(600))
    while not decoder.settled:
        assert told.acquire(timeout=5)
        taken(decoder)
    while told.acquire(timeout=0.05):
        pass
    decoder.end()
    while not decoder.over:
        assert told.acquire(timeout=5)
