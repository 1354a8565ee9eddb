"""Plain text: a line for every utterance."""

from callscribe.export.text import clock, to_text
from callscribe.transcript import Transcript, Utterance

from .transcripts import CALL


def test_lines_carry_time_and_speaker() -> None:
    assert to_text(CALL).splitlines() == [
        "[00:00:00] technician: Bonjour, je suis devant l'armoire du client.",
        "[00:00:03] agent: Très bien. Quel est l'état du voyant <DSL> & du voyant Internet ?",
        "[01:00:05] technician: Rouge.",
    ]


def test_an_utterance_is_one_line_whatever_is_in_it() -> None:
    said = Utterance("1", "agent", "un\n deux\u2028trois", 0, 1, (), 1.0)
    assert to_text(Transcript("s", [said])) == "[00:00:00] agent: un deux trois\n"


def test_the_clock() -> None:
    assert [clock(s) for s in (-1, 59.99, 3600, 360_000)] == [
        "00:00:00",
        "00:00:59",
        "01:00:00",
        "100:00:00",
    ]
