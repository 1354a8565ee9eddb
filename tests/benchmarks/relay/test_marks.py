"""A leg's number survives its way through a gateway, and its mark the way back."""

from __future__ import annotations

import json

import pytest

from benchmarks.relay import marks
from callscribe.wire.g711 import mulaw_to_samples


@pytest.mark.parametrize("leg", [0, 1, 5, 399, 1023, 65_535])
def test_a_leg_is_known_by_its_audio(leg: int) -> None:
    frame = marks.sign(leg, b"\xff" * 160)
    assert len(frame) == 160
    assert marks.leg_of(frame, 1) == leg
    assert marks.leg_of(mulaw_to_samples(frame).tobytes(), 2) == leg


def test_a_mark_is_found_in_what_a_gateway_tells() -> None:
    mark = marks.write(7, 1300, 123_456_789, final=False).decode()
    text = json.dumps({"type": "interim", "text": f"{mark} the man", "words": ["l1", "m2"]})
    assert marks.find(text.encode()) == marks.Mark(7, 1300, 123_456_789)


def test_the_latest_of_several_marks_counts() -> None:
    parts = [marks.write(7, ms, ms, final=ms % 1000 == 0) for ms in (1000, 2000, 2100)]
    assert marks.find(b" the man ".join(parts)) == marks.Mark(7, 2100, 2100)
    assert marks.find(b" the man ".join(parts[:2])) == marks.Mark(7, 2000, 2000, final=True)


def test_other_messages_have_no_mark() -> None:
    assert marks.find(b'{"type":"leg_started","speaker":"technician"}') is None
