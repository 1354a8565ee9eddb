"""Cues: readable, ordered, and every word in one of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given

from callscribe.export.cues import (
    CHARS_PER_SECOND,
    LEAST_MS,
    MIN_MS,
    Cue,
    name_of,
    turn_cues,
    voice_cues,
)
from callscribe.export.lines import MAX_CHARS, MAX_MS
from callscribe.transcript import Transcript, Utterance, Word

from .transcripts import CALL, talks, transcripts, utterance

LONG = (
    "Alors je vous explique, la box a redémarré trois fois ce matin, le voyant reste orange. "
    "J'ai vérifié le câble et le filtre. Tout est branché comme il faut, mais rien ne vient."
)


def cues_of(text: str, *, pace: float = 0.4) -> list[Cue]:
    return voice_cues(Transcript("s", [utterance("agent", 1.0, text, pace=pace)]))


def turns(*said: Utterance) -> list[tuple[int, int, tuple[str, ...]]]:
    transcript = Transcript("s")
    for one in said:
        transcript.add(one)
    return [(cue.start_ms, cue.end_ms, cue.lines) for cue in turn_cues(transcript)]


def test_a_short_utterance_is_one_cue_at_its_own_time() -> None:
    (cue,) = cues_of("Bonjour à tous, je vous écoute.")
    assert (cue.start_ms, cue.end_ms) == (1000, 3400)
    assert cue.lines == ("Bonjour à tous, je vous écoute.",)


def test_a_long_utterance_is_cut_at_sentences_by_its_words_times() -> None:
    cues = cues_of(LONG)
    words = LONG.split()
    assert " ".join(line for cue in cues for line in cue.lines).split() == words
    assert all(cue.lines[-1].endswith((".", ",")) for cue in cues)
    for before, after in pairwise(cues):
        assert before.end_ms <= after.start_ms
        first = after.lines[0].split()[0]
        assert after.start_ms == round(1000 + 400 * words.index(first))


def test_what_is_said_fast_stands_until_it_has_been_read() -> None:
    (cue,) = cues_of("le technicien a remplacé la prise murale du salon", pace=0.1)
    assert cue.end_ms - cue.start_ms == sum(map(len, cue.lines)) * 1000 // CHARS_PER_SECOND


def test_a_very_short_cue_stands_a_second_or_joins_the_next_one() -> None:
    (alone,) = voice_cues(Transcript("s", [utterance("agent", 0, "Oui.")]))
    assert (alone.start_ms, alone.end_ms) == (0, MIN_MS)
    both = [utterance("agent", 0, "Oui."), utterance("agent", 0.6, "Non.", number=1)]
    (cue,) = voice_cues(Transcript("s", both))
    assert (cue.start_ms, cue.end_ms, cue.lines) == (0, 1000, ("Oui. Non.",))
    assert turns(*both) == [(0, 1000, ("AGENT: Oui. Non.",))]


def test_the_speaker_is_named_within_the_line_and_shortened() -> None:
    assert turns(utterance("agent", 0, "Oui.")) == [(0, 1000, ("AGENT: Oui.",))]
    assert name_of("x" * 40) == "X" * 19 + "…: "
    assert name_of("a\nb") == "A B: "


def test_those_who_speak_at_once_have_a_line_each_in_one_cue() -> None:
    said = (
        utterance("agent", 0, "Je regarde le dossier."),
        utterance("technician", 0.8, "D'accord."),
    )
    assert turns(*said) == [
        (0, 2700, ("- AGENT: Je regarde le dossier.", "- TECHNICIAN: D'accord.")),
    ]


def test_who_is_interrupted_in_a_long_sentence_is_cut_where_that_happens() -> None:
    found = turns(
        utterance("agent", 0, "J'ai contrôlé la pompe et la pression de l'eau, tout est normal."),
        utterance("technician", 4.0, "Très bien merci."),
    )
    assert [lines for _, _, lines in found] == [
        ("AGENT: J'ai contrôlé la pompe", "et la pression de l'eau,"),
        ("- AGENT: tout est normal.", "- TECHNICIAN: Très bien merci."),
    ]


def test_lines_that_share_their_cue_with_nobody_are_put_together_again() -> None:
    text = "la box redémarre sans arrêt depuis lundi matin et le voyant reste rouge"
    found = turns(utterance("agent", 0, text), utterance("technician", 4.5, "Oui bien sûr."))
    assert [lines for _, _, lines in found] == [
        ("AGENT: la box redémarre", "sans arrêt depuis lundi matin"),
        ("- AGENT: et le voyant reste rouge", "- TECHNICIAN: Oui bien sûr."),
    ]


def test_quick_turns_share_a_cue_and_slow_ones_do_not() -> None:
    quick = utterance("agent", 0, "Oui ?"), utterance("technician", 0.9, "Non.")
    assert [lines for *_, lines in turns(*quick)] == [("- AGENT: Oui ?", "- TECHNICIAN: Non.")]
    slow = utterance("agent", 0, "Oui ?"), utterance("technician", 1.0, "Non.")
    assert turns(*slow) == [
        (0, 1000, ("AGENT: Oui ?",)),
        (1000, 2000, ("TECHNICIAN: Non.",)),
    ]


def test_a_moment_of_overlap_is_taken_from_the_first() -> None:
    first = utterance("agent", 0, "Vous pouvez essayer maintenant.", pace=0.5)
    found = turns(first, utterance("technician", 1.8, "Oui, tout de suite."))
    assert [(start, end) for start, end, _ in found] == [(0, 1800), (1800, 3400)]


def test_a_crowd_does_not_fall_behind_for_good() -> None:
    said = [
        utterance(f"speaker-{number % 3}", number * 0.5, "Un mot de plus ici.", number=number)
        for number in range(120)
    ]
    last = turns(*said)[-1]
    assert last[0] <= 119 * 500 + 3 * MIN_MS


def test_without_words_the_text_is_spread_over_the_time() -> None:
    text = LONG[:80].strip()
    plain = Utterance("1", "agent", text, 10.0, 20.0, (), 0.0)
    cues = voice_cues(Transcript("s", [plain]))
    assert len(cues) == 2
    assert cues[0].start_ms == 10_000
    assert cues[-1].end_ms == 20_000


def test_a_language_without_spaces_stays_without() -> None:
    words = tuple(Word(text, i, i + 1, 1.0) for i, text in enumerate(["電話", "です", "。"]))
    said = Utterance("1", "agent", "電話です。", 0, 3, words, 1.0)
    (cue,) = voice_cues(Transcript("s", [said]))
    assert cue.lines == ("電話です。",)


def said_by(transcript: Transcript, speaker: str) -> list[str]:
    return [word for u in transcript.utterances if u.speaker == speaker for word in u.text.split()]


def check(cues: list[Cue], heads: set[str]) -> None:
    """What every cue keeps to."""
    assert [c.start_ms for c in cues] == sorted(c.start_ms for c in cues)
    for cue in cues:
        assert 0 <= cue.start_ms < cue.end_ms <= cue.start_ms + MAX_MS
        assert cue.end_ms - cue.start_ms >= LEAST_MS
        assert 1 <= len(cue.lines) <= 2
        for line in cue.lines:
            head = next((head for head in heads if line.startswith(head)), "")
            assert len(line) <= MAX_CHARS or len(line.removeprefix(head).split()) == 1


@given(transcript=transcripts() | talks())
def test_any_transcript_makes_legal_voices(transcript: Transcript) -> None:
    cues = voice_cues(transcript)
    check(cues, set())
    for speaker in transcript.speakers:
        own = [cue for cue in cues if cue.speakers == (speaker,)]
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(own))
        shown = [word for cue in own for word in " ".join(cue.lines).split()]
        assert "".join(shown) == "".join(said_by(transcript, speaker))


@given(transcript=transcripts() | talks())
def test_any_transcript_makes_turns_that_never_overlap(transcript: Transcript) -> None:
    cues = turn_cues(transcript)
    names = {speaker: name_of(speaker) for speaker in transcript.speakers}
    check(cues, {*names.values(), *(f"- {name}" for name in names.values())})
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(cues))
    shown: dict[str, list[str]] = {speaker: [] for speaker in transcript.speakers}
    for cue in cues:
        if len(cue.speakers) == 1:
            (speaker,) = cue.speakers
            shown[speaker] += " ".join(cue.lines).removeprefix(names[speaker]).split()
        else:
            assert len(set(cue.speakers)) == len(cue.lines) == 2
            for speaker, line in zip(cue.speakers, cue.lines, strict=True):
                assert line.startswith(f"- {names[speaker]}")
                shown[speaker] += line.removeprefix(f"- {names[speaker]}").split()
    for speaker in transcript.speakers:
        assert "".join(shown[speaker]) == "".join(said_by(transcript, speaker))


def test_both_speakers_of_a_call_are_there() -> None:
    assert {cue.speakers for cue in voice_cues(CALL)} == {("technician",), ("agent",)}
