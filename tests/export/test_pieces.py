"""An utterance as pieces with times."""

from callscribe.export.pieces import Piece, block_of
from callscribe.transcript import Utterance, Word


def test_times_never_run_back_and_line_breaks_are_blanks() -> None:
    words = (Word("a\r\n\nb", 2, 3, 1.0), Word(" ", 3, 3, 1.0), Word("c", 1, 2.5, 1.0))
    block = block_of(Utterance("1", "agent", "a b c", 0, 3, words, 1.0))
    assert block.pieces == (Piece("a b", 2, 3), Piece("c", 3, 3))
    assert (block.start_ms, block.end_ms, block.joiner) == (2000, 3000, " ")


def test_text_without_words_is_spread_by_length() -> None:
    block = block_of(Utterance("1", "agent", "abc d", 1, 5, (), 0.0))
    assert block.pieces == (Piece("abc", 1, 4), Piece("d", 4, 5))
