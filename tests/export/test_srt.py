"""SRT: what a parser reads back is what was said."""

import pysubs2
from hypothesis import given

from callscribe.export.cues import turn_cues
from callscribe.export.srt import to_srt
from callscribe.transcript import Transcript

from .transcripts import CALL, transcripts, utterance


def test_the_form_is_srt() -> None:
    assert to_srt(CALL).startswith(
        "1\n00:00:00,500 --> 00:00:03,000\n"
        "TECHNICIAN: Bonjour, je suis\ndevant l'armoire du client.\n\n2\n"
    )
    assert "01:00:05,250 --> 01:00:06,250\nTECHNICIAN: Rouge.\n" in to_srt(CALL)


def test_nothing_said_is_an_empty_file() -> None:
    assert to_srt(Transcript("s")) == ""


def test_words_that_look_like_markup_stay_words() -> None:
    text = r"{\i1} \N \h <b> {\p1}m 0 --> fin"
    assert r"AGENT: {\i1} \N \h <b> {\p1}m 0 -> fin" in to_srt(
        Transcript("s", [utterance("agent", 0, text)])
    )


@given(transcripts())
def test_a_parser_reads_the_cues_back(transcript: Transcript) -> None:
    parsed = pysubs2.SSAFile.from_string(to_srt(transcript), "srt", keep_html_tags=True)
    cues = turn_cues(transcript)
    assert [(e.start, e.end) for e in parsed] == [(c.start_ms, c.end_ms) for c in cues]
    assert [event.text for event in parsed] == [r"\N".join(cue.lines) for cue in cues]
