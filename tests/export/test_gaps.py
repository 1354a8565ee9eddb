"""What stands where nobody heard something."""

from __future__ import annotations

import pytest

from callscribe.export.gaps import STANDS, blocks_of, language_of, line_of
from callscribe.export.srt import to_srt
from callscribe.export.text import to_text
from callscribe.export.vtt import to_vtt
from callscribe.transcript import Gap, Transcript, Utterance


def call(language: str | None = "fr", end: float = 15.0) -> Transcript:
    said = [
        Utterance("a-1", "agent", "Un moment.", 10.0, 11.0, (), 0.9, language),
        Utterance("a-2", "agent", "Voilà.", 16.0, 17.0, (), 0.9, language),
    ]
    return Transcript("s", said, [Gap("agent", 12.34, end, "server_died", 7)])


def test_the_text_says_when_and_why() -> None:
    assert to_text(call()).splitlines() == [
        "[00:00:10] agent: Un moment.",
        "[00:00:12] agent: [nobody heard 12.3–15.0 s: the server died]",
        "[00:00:16] agent: Voilà.",
    ]
    assert "\n" not in line_of(Gap("agent", 1, 2, "a\nreason"))


def test_captions_say_it_in_their_place() -> None:
    assert "\n\n2\n00:00:12,340 --> 00:00:15,000\nAGENT: [3 s non entendues]\n\n3\n" in to_srt(
        call()
    )
    assert "00:00:12.340 --> 00:00:15.000\n<v agent>[3 s non entendues]\n" in to_vtt(call())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "[3 s non entendues]"),
        ("en-GB", "[3 s not heard]"),
        ("de", "[3 s nicht gehört]"),
        ("ja", "[3 s not heard]"),
        (None, "[3 s not heard]"),
    ],
)
def test_captions_are_in_the_language_of_the_call(language: str | None, words: str) -> None:
    assert words in to_srt(call(language))


def test_most_utterances_tell_the_language() -> None:
    said = [Utterance(str(n), "a", "x", n, n, (), 1.0, c) for n, c in enumerate(["en", "fr", "fr"])]
    assert language_of(Transcript("s", said)) == "fr"
    assert language_of(Transcript("s")) == ""


def test_a_long_gap_is_one_caption_that_goes() -> None:
    long = call(end=100.0)
    (block,) = blocks_of(long, "agent")
    assert block.pieces[0].end - block.pieces[0].start == STANDS
    assert to_srt(long).count("entendues") == 1
    assert "[88 s non entendues]" in to_srt(long)


def test_who_was_never_heard_has_captions_too() -> None:
    alone = Transcript("s", [], [Gap("agent", 0.0, 2.0, "network")])
    assert "AGENT: [2 s not heard]" in to_srt(alone)
    assert "<v agent>[2 s not heard]" in to_vtt(alone)


def test_another_speaks_meanwhile() -> None:
    both = call()
    both.add(Utterance("t-1", "technician", "Allô ?", 12.5, 14.0, (), 0.9, "fr"))
    assert "- AGENT: [3 s non entendues]\n- TECHNICIAN: Allô ?" in to_srt(both)
