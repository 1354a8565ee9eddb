"""How much is encoded at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from callscribe.engines.whisper.room import EncoderRoom


def test_what_there_is_room_for_goes_on_at_once() -> None:
    room, together = EncoderRoom(100), threading.Barrier(3, timeout=5)

    def encode(frames: int) -> None:
        with room.take(frames):
            together.wait()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(encode, frames) for frames in (40, 40, 20)]:
            done.result()


def test_never_more_than_there_is_room_for() -> None:
    room, used, most = EncoderRoom(100), 0, 0
    counting = threading.Lock()

    def encode(frames: int) -> None:
        nonlocal used, most
        for _ in range(50):
            with room.take(frames):
                with counting:
                    used += frames
                    most = max(most, used)
                with counting:
                    used -= frames

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(encode, frames) for frames in (30, 60, 40, 70, 10, 100)]:
            done.result(timeout=20)
    assert 0 < most <= 100


def test_what_is_too_long_is_encoded_alone() -> None:
    room, begun = EncoderRoom(100), threading.Event()

    def encode() -> None:
        with room.take(300):
            begun.set()

    with ThreadPoolExecutor(1) as pool, room.take(10):
        long = pool.submit(encode)
        assert not begun.wait(0.1)
        assert wait([long], timeout=0.01).not_done
    assert begun.is_set()


def test_room_is_given_back_where_encoding_fails() -> None:
    room = EncoderRoom(100)
    with pytest.raises(ValueError, match="broken"), room.take(100):
        raise ValueError("broken")
    with room.take(100):
        pass
