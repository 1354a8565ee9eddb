"""WebVTT: voices, escaping, and what a parser reads back."""

import html
import re

import pysubs2
from hypothesis import given

from callscribe.export.cues import voice_cues
from callscribe.export.vtt import to_vtt
from callscribe.transcript import Transcript, Utterance

from .transcripts import CALL, transcripts


def test_the_form_is_webvtt_with_voices() -> None:
    text = to_vtt(CALL)
    assert text.startswith(
        "WEBVTT\n\n1\n00:00:00.500 --> 00:00:03.300\n"
        "<v technician>Bonjour, je suis\ndevant l'armoire du client.\n\n2\n"
    )
    assert "voyant &lt;DSL&gt; &amp; du" in text.replace("\n", " ")
    assert "01:00:05.250 --> 01:00:06.250\n<v technician>Rouge.\n" in text


def test_nothing_said_is_a_legal_file() -> None:
    assert to_vtt(Transcript("s")) == "WEBVTT\n\n"


def test_a_speakers_name_is_escaped_too() -> None:
    said = Utterance("1", "a>b&c\nd", "Oui --> non.", 0, 1, (), 1.0)
    assert "<v a&gt;b&amp;c d>Oui --&gt; non." in to_vtt(Transcript("s", [said]))


@given(transcripts())
def test_a_parser_reads_the_cues_back(transcript: Transcript) -> None:
    parsed = pysubs2.SSAFile.from_string(to_vtt(transcript), "vtt", keep_html_tags=True)
    cues = voice_cues(transcript)
    assert [(e.start, e.end) for e in parsed] == [(c.start_ms, c.end_ms) for c in cues]
    for event, cue in zip(parsed, cues, strict=True):
        voice = re.fullmatch(r"<v ([^>]*)>([^<>]*)", event.text)
        assert voice is not None
        assert html.unescape(voice[1]) == cue.speakers[0]
        assert html.unescape(voice[2]).replace(r"\N", "\n") == "\n".join(cue.lines)
