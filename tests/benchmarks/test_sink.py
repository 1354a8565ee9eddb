"""The sink's results are read by our own client."""

from __future__ import annotations

from benchmarks.sink import STEP, result
from callscribe.wire import deepgram as dg


def test_a_result_says_when_it_was_sent() -> None:
    text = result(1.2, 123456789)
    message = dg.parse_server(text)
    assert isinstance(message, dg.Results)
    assert message.alternative.transcript == "t123456789"
    assert (message.start, message.duration) == (1.2, STEP)
    assert 1000 < len(text) < 1500
