"""Several people on one line, as files show them."""

from __future__ import annotations

import json

from msgspec.structs import replace

from callscribe.export import export
from callscribe.export.voices import by_voice
from callscribe.transcript import Gap, Transcript, Utterance

from .transcripts import CALL, utterance


def spoken(text: str, labels: str, start: float = 0.0, speaker: str = "technician") -> Utterance:
    said = utterance(speaker, start, text, number=int(start))
    pairs = zip(said.words, labels, strict=True)
    return replace(said, words=tuple(w.labelled(None if v == "-" else v) for w, v in pairs))


PHONE = Transcript(
    "s",
    [
        spoken("Oui, bonjour. Passez-moi Paul.", "0000"),
        spoken("Bien sûr. Me voilà.", "0011", 4.0),
        spoken("Parfait.", "0", 8.0, "agent"),
    ],
    [Gap("technician", 10.0, 12.0, "away")],
)


def test_each_voice_has_lines_of_its_own() -> None:
    assert export(PHONE, "text").splitlines() == [
        "[00:00:00] technician (voice 0): Oui, bonjour. Passez-moi Paul.",
        "[00:00:04] technician (voice 0): Bien sûr.",
        "[00:00:04] technician (voice 1): Me voilà.",
        "[00:00:08] agent: Parfait.",
        "[00:00:10] technician: [nobody heard 10.0–12.0 s: away]",
    ]


def test_captions_say_who_speaks() -> None:
    vtt, srt = export(PHONE, "vtt"), export(PHONE, "srt")
    assert "<v technician (voice 0)>Bien sûr." in vtt
    assert "<v technician (voice 1)>Me voilà." in vtt
    assert "<v agent>Parfait." in vtt
    assert "TECHNICIAN 1: Me voilà." in srt


def test_the_machine_formats_keep_the_labels_with_the_words() -> None:
    words = json.loads(export(PHONE, "json"))["utterances"][1]["words"]
    assert [word["speaker_label"] for word in words] == ["0", "0", "1", "1"]
    channel = json.loads(export(PHONE, "deepgram"))["results"]["channels"][0]
    speakers = [word["speaker"] for word in channel["alternatives"][0]["words"]]
    assert speakers == [0, 0, 0, 0, 0, 0, 1, 1]
    bare = json.loads(export(CALL, "deepgram"))["results"]["channels"][0]
    assert "speaker" not in bare["alternatives"][0]["words"][0]


def test_one_voice_alone_is_the_speaker() -> None:
    alone = Transcript("s", [spoken("Oui.", "0"), spoken("Non.", "0", 1.0, "agent")])
    assert by_voice(alone) is alone


def test_words_that_are_not_the_text_are_not_cut() -> None:
    said = replace(spoken("Oui. Non.", "01"), text="autre chose")
    assert by_voice(Transcript("s", [said])).utterances == [said]


def test_words_without_a_voice_are_the_speakers_own() -> None:
    parts = by_voice(Transcript("s", [spoken("un deux trois quatre", "0-11")])).utterances
    assert [(part.speaker, part.text) for part in parts] == [
        ("technician (voice 0)", "un"),
        ("technician", "deux"),
        ("technician (voice 1)", "trois quatre"),
    ]
    assert [part.start for part in parts] == [0.0, 0.4, 0.8]
