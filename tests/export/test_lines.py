"""Where captions are cut and lines break."""

from __future__ import annotations

import pytest

from callscribe.export.lines import MAX_CHARS, lay_out, rank, split
from callscribe.export.pieces import Block, block_of

from .transcripts import utterance


def texts(blocks: list[Block]) -> list[str]:
    return [" ".join(piece.text for piece in block.pieces) for block in blocks]


def cut(text: str, *, pace: float = 0.3, lines: int = 2) -> list[str]:
    return texts(split(block_of(utterance("agent", 0, text, pace=pace)), "", lines))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Merci. Pouvez-vous me donner le numéro de série ?", None),
        (
            "Je vous propose un rendez-vous, vendredi dans la matinée.",
            ("Je vous propose un rendez-vous,", "vendredi dans la matinée."),
        ),
        (
            "Oui, il affiche le code douze depuis ce matin.",
            ("Oui, il affiche le code", "douze depuis ce matin."),
        ),
        (
            "la box redémarre sans arrêt et le voyant reste rouge",
            ("la box redémarre sans arrêt", "et le voyant reste rouge"),
        ),
        (
            "le technicien a remplacé la prise murale du salon",
            ("le technicien a remplacé", "la prise murale du salon"),
        ),
        (
            "Est-ce que vous voyez un code d'erreur sur l'écran ?",
            ("Est-ce que vous voyez", "un code d'erreur sur l'écran ?"),
        ),
    ],
)
def test_lines_break_where_a_reader_would(text: str, lines: tuple[str, ...] | None) -> None:
    found = lay_out(text.split(), "", " ")
    assert all(len(line) <= MAX_CHARS for line in found)
    if lines is not None:
        assert found == lines


def test_a_short_text_is_one_line_and_a_name_counts() -> None:
    text = "Je suis devant l'armoire du client."
    assert lay_out(text.split(), "", " ") == (text,)
    assert lay_out(text.split(), "TECHNICIAN: ", " ") == (
        "TECHNICIAN: Je suis",
        "devant l'armoire du client.",
    )


def test_ranks_of_cuts() -> None:
    pairs = [("fini.", "Et"), ("fini,", "et"), ("box", "et"), ("box", "redémarre"), ("la", "box")]
    assert [rank(*pair) for pair in pairs] == [0, 1, 2, 3, 4]
    assert rank("écran", "?") == 5
    assert rank("« Oui. »", "Non") == rank('"Oui."', "Non") == 0


def test_cues_end_with_sentences_and_leave_no_stub() -> None:
    text = "Tout est branché comme il faut. Mais la box ne répond pas du tout. Rien ne vient donc."
    assert cut(text) == [
        "Tout est branché comme il faut.",
        "Mais la box ne répond pas du tout. Rien ne vient donc.",
    ]
    no_marks = "alors " + "je vous explique la panne " * 4
    assert min(map(len, cut(no_marks))) > 20


def test_a_pause_and_a_long_time_cut_too() -> None:
    assert cut("un deux trois quatre cinq", pace=3.0) == ["un deux", "trois", "quatre cinq"]
    one, two = utterance("agent", 0, "Je regarde"), utterance("agent", 4, "voilà c'est bon")
    block = Block("agent", block_of(one).pieces + block_of(two).pieces)
    assert texts(split(block, "")) == ["Je regarde", "voilà c'est bon"]


def test_one_line_where_one_is_asked_for() -> None:
    text = "J'ai contrôlé la pompe et la pression de l'eau, tout est normal."
    assert cut(text, lines=1) == [
        "J'ai contrôlé la pompe",
        "et la pression de l'eau, tout est normal.",
    ]


def test_a_word_longer_than_a_line_stays_whole() -> None:
    word = "x" * 60
    assert cut(f"un {word} deux") == ["un", word, "deux"]
