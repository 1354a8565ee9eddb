"""Messages in parts, without a socket; what sockets do with them is in test_frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picows import WSFrame, WSMsgType, WSProtocolError
from picows.picows import _make_test_ws_frame

from callscribe.parts import Parts

TEXT, BINARY, MORE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION


def frame(kind: WSMsgType, payload: bytes, *, fin: bool) -> WSFrame:
    return _make_test_ws_frame(kind, payload, fin, False)


def take(parts: Parts, kind: WSMsgType, payload: bytes, *, fin: bool) -> str | bytes | None:
    return parts.take(kind, frame(kind, payload, fin=fin))


@given(st.text(max_size=40), st.lists(st.integers(0, 160), max_size=6), st.booleans())
def test_a_message_is_the_same_in_whatever_parts(text: str, cuts: list[int], binary: bool) -> None:
    data = text.encode()
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    parts = Parts(1000)
    found: list[str | bytes] = []
    for index, piece in enumerate(pieces):
        kind = MORE if index else BINARY if binary else TEXT
        whole = take(parts, kind, piece, fin=index == len(pieces) - 1)
        found += [] if whole is None else [whole]
    assert found == [data if binary else text]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(MORE, b"x", True)], 1002),
        ([(TEXT, b"x", False), (TEXT, b"y", True)], 1002),
        ([(TEXT, b"\xff", True)], 1007),
        ([(TEXT, b"\xc3", False), (MORE, b"x", True)], 1007),
        ([(BINARY, b"12345", False), (MORE, b"678901", True)], 1009),
    ],
)
def test_what_may_not_come(frames: list[tuple[WSMsgType, bytes, bool]], code: int) -> None:
    parts = Parts(10)
    *before, (kind, payload, fin) = frames
    for first, begun, ended in before:
        assert take(parts, first, begun, fin=ended) is None
    with pytest.raises(WSProtocolError) as caught:
        take(parts, kind, payload, fin=fin)
    assert int(caught.value.code) == code
