"""Messages become results, and utterances end where they should."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callscribe.engines.base import SpeechBegan
from callscribe.engines.deepgram.results import ResultReader, told_apart
from callscribe.transcript import Result, Word
from callscribe.wire import deepgram as dg
from tests.protocol import needs_protocol, recorded


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def results(start: float, *words: str, final: bool = True, speech: bool = False) -> dg.Results:
    timed = [
        dg.Word(word=w, start=start + i * 0.5, end=start + i * 0.5 + 0.4, confidence=0.9)
        for i, w in enumerate(words)
    ]
    return dg.Results(
        start=start,
        duration=0.5 * len(words) + 0.2,
        is_final=final,
        speech_final=speech,
        channel=dg.Channel(
            alternatives=[dg.Alternative(transcript=" ".join(words), confidence=0.9, words=timed)]
        ),
    )


@pytest.fixture
def reader() -> ResultReader:
    return ResultReader("fr", Clock())


def read(reader: ResultReader, message: dg.ServerMessage) -> Any:
    return reader.read(message)


def test_a_final_that_could_not_be_read_is_missed(reader: ResultReader) -> None:
    read(reader, results(0.0, "un"))
    assert not reader.lacks(5.0)  # a server may leave audio out: nothing was lost on the way
    reader.unreadable()
    assert not reader.lacks(0.7)  # what could not be read was an interim of what follows
    assert reader.lacks(1.4)
    read(reader, results(0.7, "deux"))
    assert not reader.lacks(5.0)


def test_a_final(reader: ResultReader) -> None:
    found = read(reader, results(1.0, "oui", "bonjour", speech=True))
    assert isinstance(found, Result)
    assert (found.text, found.start, found.is_final, found.speech_final) == (
        "oui bonjour",
        1.0,
        True,
        True,
    )
    assert found.end == pytest.approx(1.9)
    assert (found.language, found.confidence) == ("fr", pytest.approx(0.9))


def test_speech_began(reader: ResultReader) -> None:
    assert read(reader, dg.SpeechStarted(channel=[0, 1], timestamp=2.5)) == SpeechBegan(2.5)


@pytest.mark.parametrize(
    ("last_word_end", "ends"),
    [(1.9, True), (1.9000001, True), (1.4, True), (0.5, False), (-1, False)],
)
def test_an_utterance_end_counts_inside_the_open_utterance(
    reader: ResultReader, last_word_end: float, ends: bool
) -> None:
    read(reader, results(1.0, "oui", "bonjour"))
    found = read(reader, dg.UtteranceEnd(channel=[0, 1], last_word_end=last_word_end))
    assert (found is not None and found.speech_final) is ends


def test_an_utterance_end_after_speech_final_is_late(reader: ResultReader) -> None:
    read(reader, results(1.0, "oui", speech=True))
    read(reader, results(3.0, "non", final=False))
    assert read(reader, dg.UtteranceEnd(channel=[0, 1], last_word_end=1.4)) is None


def test_an_utterance_ends_once(reader: ResultReader) -> None:
    read(reader, results(1.0, "oui"))
    end = dg.UtteranceEnd(channel=[0, 1], last_word_end=1.4)
    assert read(reader, end) is not None
    assert read(reader, end) is None


def test_latency_counts_from_the_audio_that_is_covered() -> None:
    clock = Clock()
    reader = ResultReader("auto", clock)
    for step in range(1, 11):
        clock.now = 100 + step * 0.1
        reader.sent(step * 0.1, clock(), clock())
    clock.now = 101.3
    found = read(reader, results(0.3, "oui", final=False))
    assert found.end == pytest.approx(0.7)
    assert found.latency_ms == pytest.approx(300, abs=1)  # 0.3 + 0.7 s of audio came at 101.0
    assert found.language is None


@pytest.mark.parametrize(
    ("end", "after"), [(1.2, 0.3), (1.4, 0.1), (1.5, 0.0), (0.8, 0.7), (0.3, 0.9)]
)
def test_latency_is_not_less_for_audio_that_was_noted_together(end: float, after: float) -> None:
    clock = Clock()
    reader = ResultReader("auto", clock)
    reader.sent(1.0, 100.6, 101.0)
    reader.sent(1.5, 101.1, 101.5)
    clock.now = 101.5
    found = read(reader, results(end - 0.7, "oui", final=False))
    assert found.latency_ms == pytest.approx(1000 * after, abs=1)


def test_other_messages_mean_nothing_to_a_leg(reader: ResultReader) -> None:
    assert read(reader, dg.ConfigureSuccess(request_id="r")) is None
    assert read(reader, dg.parse_server('{"type": "Aurora"}')) is None


def test_a_final_settles_the_audio_to_the_end_of_its_message(reader: ResultReader) -> None:
    final = read(reader, results(1.0, "oui"))
    assert final.end == pytest.approx(1.4)
    assert final.until == pytest.approx(1.7)
    silence = read(reader, results(1.7))
    assert (silence.text, silence.is_final) == ("", True)
    assert silence.until == pytest.approx(1.9)
    assert read(reader, results(1.9, "non", final=False)).until is None


@pytest.mark.parametrize("last_word_end", [1.4, 1.74])
def test_an_utterance_end_settles_nothing_new(reader: ResultReader, last_word_end: float) -> None:
    word = dg.Word(word="oui", start=1.0, end=1.7, confidence=0.9)
    heard = dg.Channel(alternatives=[dg.Alternative(transcript="oui", words=[word])])
    read(reader, dg.Results(start=0.0, duration=1.7, is_final=True, channel=heard))
    end = read(reader, dg.UtteranceEnd(channel=[0, 1], last_word_end=last_word_end))
    assert end.until <= 1.7


@needs_protocol
def test_recorded_streams_are_read() -> None:
    reader = ResultReader("en", Clock())
    finals = [
        found
        for _, frame in recorded("ws_nova3_*")
        if isinstance(found := reader.read(dg.parse_server(json.dumps(frame))), Result)
    ]
    assert any(final.from_finalize for final in finals)
    assert any(final.words for final in finals)


@pytest.mark.parametrize(
    ("labels", "first", "told", "after"),
    [
        ("010", 0, ["0", "1", "0"], 2),
        ("303", 4, ["5", "4", "5"], 6),
        ("111", 4, [None, None, None], 4),
        ("", 4, [], 4),
    ],
)
def test_voices_of_a_piece_are_numbered_on(
    labels: str, first: int, told: list[str | None], after: int
) -> None:
    words = tuple(Word("oui", i, i + 0.5, 0.9, label) for i, label in enumerate(labels))
    heard, following = told_apart(Result("oui", 0, 3, True, words=words), first)
    assert [word.speaker_label for word in heard.words] == told
    assert following == after
