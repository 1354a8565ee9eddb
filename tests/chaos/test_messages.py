"""Frames in, pieces out; and messages that are broken on purpose."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from callscribe.chaos.faults import Fault
from callscribe.chaos.messages import WAYS, Frames, Uncut, close_frame, garbled
from callscribe.chaos.schedule import Event
from callscribe.errors import ProtocolError

RESULTS = '{"type":"Results","start":0.5,"channel":{"alternatives":[{"transcript":"déjà vu"}]}}'

frames = st.builds(
    Frame,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    st.binary(max_size=70_000),
    fin=st.booleans(),
) | st.builds(
    Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125)
)


def read(data: bytes, *, masked: bool) -> list[Frame]:
    """The frames in some bytes, by the library's own reader."""
    cutter = Frames(masked=masked, garbled=lambda _: None)
    found: list[Frame] = []
    cutter._piece = found.append  # type: ignore[assignment,method-assign]
    cutter.feed(data)
    return found


@given(st.lists(frames, max_size=5), st.booleans(), st.integers(1, 100_000))
def test_frames_go_on_as_they_came_however_they_were_cut(
    some: list[Frame], masked: bool, step: int
) -> None:
    data = b"".join(frame.serialize(mask=masked) for frame in some)
    cutter = Frames(masked=masked, garbled=lambda _: None)
    pieces = [p for at in range(0, len(data), step) for p in cutter.feed(data[at : at + step])]
    assert len(pieces) == len(some)
    assert read(b"".join(piece.data for piece in pieces), masked=masked) == some
    control = [frame.opcode in (Opcode.PING, Opcode.PONG) for frame in some]
    assert [piece.control for piece in pieces] == control
    if not masked:  # a mask is drawn anew
        assert b"".join(piece.data for piece in pieces) == data


@given(st.binary(max_size=200), st.booleans())
def test_what_is_no_frame_is_said(data: bytes, masked: bool) -> None:
    cutter = Frames(masked=masked, garbled=lambda _: None)
    try:
        cutter.feed(data)
    except ProtocolError as error:
        assert "no WebSocket frame" in error.message  # noqa: PT017 - the rest may be frames


def test_a_frame_without_its_mask_is_none() -> None:
    cutter = Frames(masked=True, garbled=lambda _: None)
    with pytest.raises(ProtocolError, match="incorrect masking"):
        cutter.feed(Frame(Opcode.TEXT, b"x").serialize(mask=False))


def test_requests_are_not_cut() -> None:
    assert [piece.data for piece in Uncut().feed(b"POST / HTTP/1.1")] == [b"POST / HTTP/1.1"]


def test_the_next_text_message_is_broken_and_no_other() -> None:
    seen: list[Event] = []
    cutter = Frames(masked=False, garbled=seen.append)
    event = Event(0.0, Fault("garble", "type"), 0.5)
    cutter.garble(event)
    some = [
        Frame(Opcode.PING, b"1"),
        Frame(Opcode.BINARY, b"audio"),
        Frame(Opcode.TEXT, RESULTS.encode()),
        Frame(Opcode.TEXT, RESULTS.encode()),
    ]
    data = b"".join(frame.serialize(mask=False) for frame in some)
    out = read(b"".join(piece.data for piece in cutter.feed(data)), masked=False)
    assert [frame == before for frame, before in zip(out, some, strict=True)] == [
        True,
        True,
        False,
        True,
    ]
    assert seen == [event]


def test_ways_to_break_a_message() -> None:
    frame = Frame(Opcode.TEXT, RESULTS.encode())
    cut = bytes(garbled(frame, "cut", 0.5).data).decode()
    assert RESULTS.startswith(cut)
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    assert json.loads(garbled(frame, "type", 0.5).data) == {**json.loads(RESULTS), "type": "Chaos"}
    nothing = {"type": "Results", "start": None, "channel": None}
    assert json.loads(garbled(frame, "null", 0.5).data) == nothing
    assert garbled(frame, "binary", 0.5) == Frame(Opcode.BINARY, RESULTS.encode())
    found = {bytes(garbled(frame, "", draw / 50).data) for draw in range(50)}
    assert len(found) > len(WAYS)


@given(st.text(), st.sampled_from(["", *WAYS]), st.floats(0, 1, exclude_max=True))
def test_a_broken_message_is_still_a_frame(text: str, way: str, draw: float) -> None:
    frame = garbled(Frame(Opcode.TEXT, text.encode()), way, draw)
    if frame.opcode is Opcode.TEXT:
        bytes(frame.data).decode()  # else the client's library would close, and say so itself
    assert garbled(Frame(Opcode.TEXT, text.encode()), way, draw) == frame


@pytest.mark.parametrize(("code", "reason"), [(1008, "DATA-0000"), (1011, "NET-0001"), (1013, "")])
def test_closes_have_deepgrams_reason(code: int, reason: str) -> None:
    (frame,) = read(close_frame(code), masked=False)
    assert frame.opcode is Opcode.CLOSE
    assert int.from_bytes(frame.data[:2]) == code
    assert bytes(frame.data[2:]).decode().startswith(reason)
