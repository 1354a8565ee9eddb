"""Utterances on their way to a final."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.whisper.results import nothing
from callscribe.engines.whisper.spans import TAIL, Spans
from callscribe.vad import CHUNK, Endpointer, EndpointRules, SpeechDetector
from tests.engines.whisper.test_stream import voice


@pytest.fixture
def point() -> Endpointer:
    """Two seconds of speech and half a second of silence behind it."""
    detector, point = SpeechDetector(voice), Endpointer(EndpointRules())
    loud = (0.3 * np.sin(np.arange(CHUNK) * 0.2)).astype(np.float32)
    for index in range(78):
        point.push(detector(loud if index < 62 else loud * 0))
    return point


def test_a_pause_is_decoded_on_suspicion_and_ends_later(point: Endpointer) -> None:
    spans = Spans()
    spans.pause(point, 1)
    span = spans.to_decode()
    assert span is not None
    assert span.end == pytest.approx(span.speech_end + TAIL)
    assert (spans.backlog, spans.waiting, spans.busy) == (0, None, False)
    span.running = True
    assert spans.busy
    assert spans.to_decode() is None
    span.running, span.hypothesis = False, nothing("fr")
    assert spans.pop_done() is None
    spans.end(point, 9.0, generation=1, endpoint=True, forced=False)
    assert spans.waiting is span
    assert spans.backlog == pytest.approx(span.end - span.start)
    assert spans.pop_done() is span
    assert not spans


def test_speech_that_goes_on_makes_what_is_decoded_stale(point: Endpointer) -> None:
    spans = Spans()
    spans.pause(point, 1)
    span = spans.to_decode()
    assert span is not None
    span.running = True
    spans.resume()
    assert spans.stale is span
    assert span.stale
    assert not spans
    assert spans.oldest(100.0) == span.start
    spans.pause(point, 1)
    assert not spans, "nothing more on suspicion until it is back"
    spans.end(point, 9.0, generation=1, endpoint=True, forced=False)
    assert spans.to_decode() is None, "what comes back may shorten it"
    spans.stale = None
    assert spans.to_decode() is spans.waiting


def test_a_pause_that_nobody_decoded_is_forgotten(point: Endpointer) -> None:
    spans = Spans()
    spans.pause(point, 1)
    spans.resume()
    assert (bool(spans), spans.stale, spans.oldest(3.0)) == (False, None, 3.0)


def test_what_is_cut_ends_where_the_audio_is_and_no_later_than_what_was_heard(
    point: Endpointer,
) -> None:
    spans = Spans()
    spans.end(point, 9.0, generation=1, endpoint=False, forced=True)
    spans.end(point, point.speech_end + 0.1, generation=1, endpoint=True, forced=False)
    first, second = (spans.waiting, spans._spans[1])
    assert first is not None
    assert (first.end, first.endpoint, first.forced) == (point.now, False, True)
    assert second.end == pytest.approx(point.speech_end + 0.1)
