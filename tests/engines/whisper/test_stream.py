"""One leg without model or thread: a voice made of flags, hypotheses made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.engines.base import SpeechBegan, Unheard
from callscribe.engines.whisper.decoder import Hypothesis
from callscribe.engines.whisper.jobs import Job
from callscribe.engines.whisper.stream import LegStream
from callscribe.transcript import Word
from callscribe.vad import EndpointRules

RATE = 16_000


def voice(samples: NDArray[np.float32]) -> float:
    """Hears speech wherever it is loud."""
    return 0.95 if float(np.abs(samples).max()) > 0.1 else 0.01


def stream(**options: object) -> LegStream:
    arguments: dict[str, object] = {
        "sample_rate": RATE,
        "language": "fr",
        "detect": voice,
        "rules": EndpointRules(),
        **options,
    }
    return LegStream(**arguments)  # type: ignore[arg-type]


def tone(seconds: float, rate: int = RATE) -> bytes:
    return (9000 * np.sin(np.arange(round(seconds * rate)) * 0.2)).astype("<i2").tobytes()


def hush(seconds: float, rate: int = RATE) -> bytes:
    return bytes(2 * round(seconds * rate))


def heard(job: Job, text: str, *, confidence: float = 0.9, sure: float = -0.1) -> Hypothesis:
    """The words spread evenly over the window."""
    parts, seconds = text.split(), len(job.window.audio) / RATE
    step = (seconds - 0.1) / max(len(parts), 1)
    words = tuple(Word(p, i * step, (i + 1) * step, confidence) for i, p in enumerate(parts))
    return Hypothesis(text, words, sure, 0.02, "fr", seconds, truncated=False)


def final(leg: LegStream) -> Job:
    job = leg.final_job(beam=5, padding=6.0)
    assert job is not None
    return job


def test_the_first_sound_is_said_at_once() -> None:
    leg = stream()
    (began,) = leg.feed(hush(1.0) + tone(2.0), 10.0)
    assert isinstance(began, SpeechBegan)
    assert 0.5 < began.start < 1.0
    assert leg.interim_due(0.3)


def test_interims_then_one_final_in_leg_seconds() -> None:
    leg = stream()
    leg.feed(hush(1.0) + tone(2.0), 10.0)
    job = leg.interim_job()
    (interim,) = leg.accept(job, heard(job, "un deux"), 10.2)
    assert (interim.text, interim.is_final) == ("un deux", False)
    assert 0.5 < interim.words[0].start < 1.2
    assert interim.latency_ms == pytest.approx(200.0)
    leg.feed(hush(0.4), 10.4)
    job = final(leg)
    assert leg.accept(job, heard(job, "un deux trois"), 10.6) == []
    results = leg.ready(10.7)
    assert results == []
    leg.feed(hush(0.6), 11.0)
    (done,) = leg.ready(11.0)
    assert (done.text, done.is_final, done.speech_final) == ("un deux trois", True, True)
    assert leg.idle


def test_speech_that_goes_on_makes_the_early_decode_an_interim() -> None:
    leg = stream()
    leg.feed(tone(1.0) + hush(0.35), 1.0)
    early = final(leg)
    leg.feed(tone(1.0), 2.0)
    results = leg.accept(early, heard(early, "un deux"), 2.1)
    assert [r.is_final for r in results] == [False]
    leg.feed(hush(1.0), 3.0)
    late = final(leg)
    assert len(late.window.audio) > len(early.window.audio)
    (done,) = leg.accept(late, heard(late, "un deux trois quatre"), 3.2)
    assert done.text == "un deux trois quatre"


def test_stable_words_leave_the_window_and_stay_on_screen() -> None:
    leg = stream()
    leg.feed(tone(3.0), 3.0)
    job = leg.interim_job()
    leg.accept(job, heard(job, "un deux trois. quatre cinq six"), 3.1)
    leg.feed(tone(0.4), 3.4)
    job = leg.interim_job()
    leg.accept(job, heard(job, "un deux trois. quatre cinq six sept"), 3.5)
    leg.feed(tone(0.4), 3.8)
    job = leg.interim_job()
    assert job.offset > 1.0
    assert "trois." in job.window.prompt
    (shown,) = leg.accept(job, heard(job, "quatre cinq six sept huit"), 3.9)
    assert shown.text == "un deux trois. quatre cinq six sept huit"


def said(leg: LegStream, text: str, sure: float) -> None:
    """A whole utterance of 2 s and its final."""
    leg.feed(tone(2.0) + hush(1.0), leg.heard + 3.0)
    job = final(leg)
    (result,) = leg.accept(job, heard(job, text, sure=sure), leg.heard)
    assert result.text == text


@pytest.mark.parametrize(("sure", "led"), [(-0.5, True), (-0.1, False)])
def test_a_hard_voice_is_heard_behind_what_it_said_before(sure: float, led: bool) -> None:
    leg = stream()
    said(leg, "un deux trois quatre", sure)
    said(leg, "un deux trois quatre", sure)
    start = leg.heard
    leg.feed(tone(1.5), start + 1.5)
    job = leg.interim_job()
    assert (job.lead > 1.0) is led
    assert len(job.window.audio) / RATE == pytest.approx(job.lead + leg.heard - start, abs=0.5)
    (shown,) = leg.accept(job, heard(job, "un deux trois quatre cinq six"), leg.heard)
    assert shown.words[0].start >= start - 0.4
    assert len(shown.words) < 6 if led else len(shown.words) == 6
    assert shown.words[-1].end <= leg.heard


def test_a_lead_that_is_all_that_was_understood_is_left_out_once() -> None:
    leg = stream()
    said(leg, "un deux trois quatre", -0.5)
    leg.feed(tone(1.5), leg.heard + 1.5)
    misled = leg.interim_job()
    nothing_new = replace(heard(misled, "un deux"), words=(Word("deux", 0.0, 0.5, 0.9),))
    assert leg.accept(misled, nothing_new, leg.heard) == []
    leg.feed(tone(0.4), leg.heard + 0.4)
    bare = leg.interim_job()
    assert (misled.lead > 1.0, bare.lead) == (True, 0.0)
    assert leg.accept(bare, heard(bare, "cinq six"), leg.heard)
    leg.feed(tone(0.4), leg.heard + 0.4)
    assert leg.interim_job().lead > 1.0


def test_an_interim_that_comes_after_its_utterance_has_ended_is_dropped() -> None:
    leg = stream()
    leg.feed(tone(1.5), 1.5)
    job = leg.interim_job()
    leg.feed(hush(1.0), 2.5)
    assert leg.accept(job, heard(job, "un deux"), 2.6) == []


def test_finals_come_in_order_one_job_at_a_time() -> None:
    leg = stream()
    leg.feed(tone(1.0) + hush(1.0) + tone(1.0) + hush(1.0), 4.0)
    first = final(leg)
    assert leg.final_job(beam=5, padding=6.0) is None
    (one,) = leg.accept(first, heard(first, "un"), 4.1)
    second = final(leg)
    (two,) = leg.accept(second, heard(second, "deux"), 4.2)
    assert one.end <= two.start
    assert leg.backlog == 0.0


def test_a_decode_that_failed_twice_is_said_and_ends_the_utterance_without_words() -> None:
    leg = stream()
    leg.feed(tone(1.0) + hush(1.0), 2.0)
    assert not leg.accept(final(leg), None, 2.1)
    lost, done = leg.accept(final(leg), None, 2.2)
    assert isinstance(lost, Unheard)
    assert lost.end - lost.start == pytest.approx(1.0, abs=0.3)
    assert (done.text, done.is_final, done.words) == ("", True, ())


def test_invented_text_is_not_passed_on() -> None:
    leg = stream()
    leg.feed(tone(0.1) + hush(1.0), 1.0)
    job = final(leg)
    (done,) = leg.accept(job, heard(job, "Sous-titrage ST' 501"), 1.1)
    assert done.text == ""


def test_finalize_ends_the_open_utterance_now() -> None:
    leg = stream()
    leg.feed(tone(1.0), 1.0)
    leg.finalize()
    job = final(leg)
    (done,) = leg.accept(job, heard(job, "un"), 1.1)
    assert done.from_finalize
    leg.finalize()
    assert leg.idle


def test_the_end_of_the_audio_is_the_end_of_the_utterance() -> None:
    leg = stream(sample_rate=8000)
    leg.feed(tone(1.0, 8000), 1.0)
    leg.finish(1.0)
    leg.finish(1.0)
    job = final(leg)
    assert abs(len(job.window.audio) / RATE - 1.0) < 0.05
    leg.accept(job, heard(job, "un"), 1.1)
    assert leg.idle


def test_the_language_is_learnt_once() -> None:
    leg = stream(language="auto")
    leg.feed(tone(1.0) + hush(1.0), 2.0)
    job = final(leg)
    assert job.detect
    leg.accept(job, heard(job, "un"), 2.1)
    assert leg.language == "fr"
    leg.feed(tone(1.0) + hush(1.0), 4.0)
    assert not final(leg).detect


def test_each_utterance_has_its_language_though_the_next_has_begun() -> None:
    leg = stream(language="auto", language_each_time=True)
    for _ in range(3):  # as a client sends that does not wait: nothing has been decoded yet
        leg.feed(tone(1.0) + hush(1.2), 1.0)
    languages = []
    for language in ("fr", "en", "fr"):
        job = final(leg)
        assert (job.detect, job.window.language) == (True, "")
        assert leg.language_of(job.generation) is None
        found = replace(heard(job, "un deux trois"), language=language)
        languages += [result.language for result in leg.accept(job, found, 9.0)]
    assert languages == ["fr", "en", "fr"]
    assert leg.language == "fr"  # the last utterance is the latest: its language is known now


def test_the_past_is_forgotten() -> None:
    leg = stream()
    for second in range(300):
        leg.feed(hush(1.0), float(second))
    assert leg._intake.heard - leg._intake.start < 10.0


def test_a_sentence_that_stands_is_final_though_the_speaker_goes_on() -> None:
    leg = stream()
    leg.feed(tone(3.0) + hush(0.35), 3.4)
    early = final(leg)
    leg.feed(tone(1.0), 4.4)
    (sentence,) = leg.accept(early, heard(early, "un deux trois."), 4.5)
    assert (sentence.is_final, sentence.speech_final) == (True, False)
    leg.feed(hush(1.0), 5.4)
    rest = final(leg)
    assert rest.offset > 2.9
    (end,) = leg.accept(rest, heard(rest, "quatre"), 5.6)
    assert (end.text, end.speech_final) == ("quatre", True)
    assert leg.idle


def test_what_is_unsure_waits_for_the_rest_of_its_sentence() -> None:
    leg = stream()
    leg.feed(tone(3.0) + hush(0.35), 3.4)
    early = final(leg)
    leg.feed(tone(1.0), 4.4)
    (shown,) = leg.accept(early, heard(early, "un deux trois.", sure=-0.5), 4.5)
    assert not shown.is_final


def test_an_early_decode_shortens_the_final_that_waits_for_it() -> None:
    leg = stream()
    leg.feed(tone(3.0) + hush(0.35), 3.4)
    early = final(leg)
    leg.feed(tone(1.0) + hush(1.0), 5.4)
    assert leg.final_job(beam=5, padding=6.0) is None
    (first,) = leg.accept(early, heard(early, "un deux trois"), 5.5)
    assert (first.text, first.speech_final) == ("un deux trois", False)
    rest = final(leg)
    assert len(rest.window.audio) < 2.0 * RATE
    (second,) = leg.accept(rest, heard(rest, "quatre"), 5.7)
    assert second.speech_final


def test_an_early_decode_that_failed_costs_nothing() -> None:
    leg = stream()
    leg.feed(tone(3.0) + hush(0.35), 3.4)
    early = final(leg)
    leg.feed(tone(1.0) + hush(1.0), 5.4)
    assert leg.accept(early, None, 5.5) == []
    whole = final(leg)
    assert whole.offset < 0.1


def test_a_leg_whose_finals_are_unsure_is_hard() -> None:
    leg = stream()
    for _ in range(3):
        leg.feed(tone(1.0) + hush(1.0), 1.0)
        job = final(leg)
        leg.accept(job, heard(job, "un", sure=-0.55), 1.1)
    leg.feed(tone(1.0) + hush(1.0), 1.0)
    job = final(leg)
    assert job.hard
    assert len(job.context) > 0


def test_the_vocabulary_may_change_while_the_leg_speaks() -> None:
    leg = stream(keyterms=["Zephyr"])
    leg.feed(tone(2.0), 10.0)
    assert "Zephyr" in leg.interim_job().window.prompt
    leg.set_keyterms(["Mikael"])
    leg.feed(hush(1.0), 11.0)
    prompt = final(leg).window.prompt
    assert "Mikael" in prompt
    assert "Zephyr" not in prompt


def test_what_is_not_believed_tells_no_language() -> None:
    leg = stream(language="auto")
    leg.feed(tone(2.0) + hush(1.0), 10.0)
    job = final(leg)
    leg.accept(job, heard(job, "mumble", sure=-3.0), 11.0)
    assert leg.language is None
    leg.feed(tone(2.0) + hush(1.0), 14.0)
    job = final(leg)
    leg.accept(job, heard(job, "oui bonjour"), 15.0)
    assert leg.language == "fr"


def look(leg: LegStream) -> Job | None:
    return leg.look_job(beam=2, padding=6.0)


def test_a_long_utterance_is_looked_at_from_its_beginning() -> None:
    leg = stream()
    leg.feed(hush(1.0) + tone(1.2), 10.0)
    assert look(leg) is None, "not long enough"
    leg.feed(tone(1.0), 11.0)
    early = leg.interim_job()
    leg.accept(early, heard(early, "faux deux"), 11.1)
    job = look(leg)
    assert job is not None
    assert look(leg) is None, "one at a time"
    (interim,) = leg.accept(job, heard(job, "vrai deux trois quatre cinq six"), 11.3)
    assert not interim.is_final
    assert interim.text.startswith("vrai deux trois quatre"), "what was wrong is mended"
    assert "six" not in interim.text, "the end may change"
    assert look(leg) is None, "nothing new to look at"
    leg.feed(tone(1.7), 12.0)
    again = look(leg)
    assert again is not None
    assert again.window.audio.size > job.window.audio.size


@pytest.mark.parametrize(("sure", "behind"), [(-0.55, True), (-0.1, False)])
def test_a_hard_voice_is_looked_at_behind_what_it_said_before(sure: float, behind: bool) -> None:
    leg = stream()
    for _ in range(3):
        leg.feed(tone(1.0) + hush(1.0), 1.0)
        done = final(leg)
        leg.accept(done, heard(done, "un", sure=sure), 1.1)
    leg.feed(tone(2.5), 2.0)
    job = look(leg)
    assert job is not None
    assert bool(len(job.context)) is behind


def test_who_pauses_or_wants_no_interims_is_not_looked_at() -> None:
    paused = stream()
    paused.feed(hush(1.0) + tone(2.5) + hush(0.16), 10.0)
    assert look(paused) is None
    quiet = stream(interim_results=False)
    quiet.feed(hush(1.0) + tone(2.5), 10.0)
    assert look(quiet) is None


@pytest.mark.parametrize("found", ["nothing", "broken", "over"])
def test_a_look_that_comes_to_nothing_changes_nothing(found: str) -> None:
    leg = stream()
    leg.feed(hush(1.0) + tone(2.5), 10.0)
    job = look(leg)
    assert job is not None
    if found == "over":
        leg.feed(hush(1.0), 11.0)
    told = leg.accept(job, None if found == "broken" else heard(job, ""), 11.1)
    assert told == []
    leg.feed(hush(1.0), 12.0)
    last = final(leg)
    (result,) = leg.accept(last, heard(last, "un deux"), 12.2)
    assert (result.text, result.is_final) == ("un deux", True)
