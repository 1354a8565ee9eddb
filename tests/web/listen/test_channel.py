"""Segments of one channel."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.base import SpeechBegan, Unheard
from callscribe.transcript import Result, Word
from callscribe.web.listen.channel import ChannelText
from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_query import ListenQuery
from callscribe.wire.deepgram_rest import bare

META = dg.ResultsMetadata(request_id="r")


def channel(**query: object) -> ChannelText:
    return ChannelText(0, 1, ListenQuery(**query), META)  # type: ignore[arg-type]


def said(start: float, end: float, *, is_final: bool = True, text: str = "Oui.") -> Result:
    word = Word(text, start, end, 0.9)
    return Result(text, start, end, is_final, is_final, (word,), 0.9, "fr")


def ends(messages: list[dg.ServerMessage]) -> list[dg.ServerMessage]:
    """The ends among them: finals of silence and of utterances."""
    return [m for m in messages if not isinstance(m, dg.Results) or m.is_final]


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9), st.booleans()), max_size=12))
def test_finals_touch_whatever_comes(steps: list[tuple[float, float, bool]]) -> None:
    text = channel(interim_results=True)
    now = covered = 0.0
    for silence, length, speaks in steps:
        now += silence
        messages = list(text.advance(now))
        if speaks:
            messages += text.tell(SpeechBegan(now))
            messages += text.tell(said(now, now + length, is_final=False))
            messages += text.tell(said(now, now + length))
            now += length
        for message in messages:
            if isinstance(message, dg.Results):
                assert abs(message.start - covered) < 0.01
                if message.is_final:
                    covered = message.start + message.duration
    for message in text.finish(now):
        assert isinstance(message, dg.Results)
        covered = message.start + message.duration
    assert abs(covered - now) < 0.02


def test_a_final_settles_the_silence_behind_its_words_too() -> None:
    text = channel()
    (final,) = text.tell(msgspec.structs.replace(said(0.5, 1.0), until=1.3))
    assert isinstance(final, dg.Results)
    assert (final.start, final.duration) == (0.0, 1.3)


def test_utterance_end_comes_once_and_late_enough() -> None:
    text = channel(interim_results=True, utterance_end_ms=1000)
    text.tell(said(0.0, 1.0))
    assert not ends(text.advance(1.9))
    (end,) = ends(text.advance(2.0))
    assert isinstance(end, dg.UtteranceEnd)
    assert end.last_word_end == 1.0
    assert not ends(text.advance(3.0))


def test_nothing_ends_while_somebody_speaks() -> None:
    text = channel(interim_results=True, utterance_end_ms=1000, vad_events=True)
    text.tell(said(0.0, 1.0))
    (began,) = text.tell(SpeechBegan(1.8))
    assert isinstance(began, dg.SpeechStarted)
    assert not ends(text.advance(9.0))
    assert not text.tell(Unheard(1.8, 3.0, "x"))


def test_a_final_that_comes_late_still_ends_its_utterance() -> None:
    text = channel(interim_results=True, utterance_end_ms=1000)
    text.tell(SpeechBegan(0.0))
    text.tell(SpeechBegan(2.5))  # the next one begins before the first one's final is there
    final, end = text.tell(said(0.0, 1.0))
    assert isinstance(final, dg.Results)
    assert isinstance(end, dg.UtteranceEnd)
    assert end.last_word_end == 1.0
    assert not ends(text.advance(9.0))  # somebody speaks
    text.tell(said(2.5, 8.0))
    (end,) = ends(text.advance(9.1))
    assert isinstance(end, dg.UtteranceEnd)


def test_formatting_is_asked_for() -> None:
    (plain,) = channel().tell(said(0.0, 1.0))
    (formatted,) = channel(smart_format=True).tell(said(0.0, 1.0))
    assert isinstance(plain, dg.Results)
    assert isinstance(formatted, dg.Results)
    assert plain.alternative.transcript == "oui"
    assert formatted.alternative.transcript == "Oui."
    assert formatted.alternative.words[0].word == "oui"


def test_languages_are_told_for_multi() -> None:
    (result,) = channel(language="multi").tell(said(0.0, 1.0))
    assert isinstance(result, dg.Results)
    assert result.alternative.languages == ["fr"]
    assert result.alternative.words[0].language == "fr"


def test_bare_words() -> None:
    assert [bare(w) for w in ("«Oui»,", "d'accord!", "...", "3,5")] == [
        "oui",
        "d'accord",
        "...",
        "3,5",
    ]


def step(text: ChannelText, start: float, end: float) -> list[dg.Results]:
    """What is told while audio comes in frames of 20 ms, and nothing is heard."""
    told: list[dg.Results] = []
    for frame in range(round(start * 50) + 1, round(end * 50) + 1):
        told += [m for m in text.advance(frame / 50) if isinstance(m, dg.Results)]
    return told


def test_every_second_of_audio_is_answered_whatever_is_heard() -> None:
    text = channel(interim_results=True)
    silent = step(text, 0.0, 4.0)
    assert [(m.start, m.duration) for m in silent] == [(0.0, t) for t in (1.0, 2.0, 3.0, 4.0)]
    assert not any(m.is_final or m.alternative.transcript for m in silent)
    text.tell(SpeechBegan(4.0))
    (shown,) = text.tell(said(4.1, 4.5, is_final=False))
    assert isinstance(shown, dg.Results)
    speaking = step(text, 4.0, 6.0)  # the recogniser is busy, and the open segment is said again
    assert [m.alternative.transcript for m in speaking] == ["oui", "oui"]
    assert [(m.start, m.duration) for m in speaking] == [(0.0, 5.0), (0.0, 6.0)]
    (final,) = text.tell(said(4.1, 5.5))
    assert isinstance(final, dg.Results)
    assert (final.start, final.duration) == (0.0, 5.5)
    (after,) = step(text, 6.0, 7.0)
    assert (after.start, after.duration, after.alternative.transcript) == (5.5, 1.5, "")


def test_what_was_answered_is_not_answered_again() -> None:
    text = channel(interim_results=True)
    for tenths in range(1, 50):
        assert not text.advance(tenths / 10)
        text.tell(said(0.1, tenths / 10, is_final=False))


def test_who_wants_no_interims_gets_none() -> None:
    assert not step(channel(), 0.0, 6.0)
