"""The call on the terminal."""

import io

from rich.console import Console

from callscribe.cli.live import CallScreen, latest, line_text, minutes, words_of
from callscribe.cli.view import CallView, Line

from .test_view import event


def console(*, terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=80, height=12, color_system=None
    )


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_without_a_terminal_every_utterance_is_a_plain_line() -> None:
    out, view = console(terminal=False), CallView(["technician", "agent"])
    with CallScreen(out, view, "A call", 60) as screen:
        view.apply(event("interim", "agent-1", "bonjour", 3.0))
        view.apply({"type": "notice", "message": "whisper [listens]"})
        screen.refresh(4.0)
        line = view.apply(event("final", "agent-1", "Bonjour.", 3.0), lag=1.25)
        assert line is not None
        screen.finished(line)
        screen.refresh(5.0)
    assert text_of(out) == "whisper [listens]\n[00:03] agent       Bonjour.  (1.2 s)\n"


def test_in_a_terminal_the_call_is_drawn_in_columns() -> None:
    out, view = console(terminal=True), CallView(["technician", "agent"])
    view.apply(event("final", "technician-1", "Le voyant est rouge.", 1.0), lag=1.0)
    view.apply(event("interim", "agent-1", "d'accord", 3.0), lag=0.4)
    screen = CallScreen(out, view, "A call", 60)
    out.print(screen.drawing(63.0, 80, 12))
    drawn = text_of(out)
    assert "A call  01:03 of 01:00" in drawn
    assert "technician  1.0 s behind" in drawn
    first, second = drawn.splitlines()[3:5]
    assert first.startswith("00:01  Le voyant est rouge.")
    assert second.startswith("00:03")
    assert second.index("d'accord") > 40


def test_the_drawing_is_live_and_leaves_the_screen_clean() -> None:
    out, view = console(terminal=True), CallView(["agent"])
    with CallScreen(out, view, "A call") as screen:
        view.apply(event("interim", "agent-1", "bonjour"))
        screen.refresh(1.0)
        screen.finished(Line("agent-1", "agent", 0.0, "Bonjour."))
    assert "bonjour" in text_of(out)
    assert "Bonjour." not in text_of(out)


def test_only_what_fits_is_drawn_and_that_is_the_latest() -> None:
    lines = [Line(str(n), "agent", n, "x" * 30) for n in range(10)]
    assert [line.start for line in latest(lines, 15, 6)] == [7, 8, 9]
    assert len(latest(lines, 10, 1)) == 1


def test_words_that_may_change_are_dimmed() -> None:
    text = words_of(Line("1", "agent", 0, "Bonjour à", "tous"), ["agent"])
    assert text.plain == "Bonjour à tous"
    assert [(span.style, text.plain[span.start : span.end]) for span in text.spans] == [
        ("cyan", "Bonjour à "),
        ("dim", "tous"),
    ]


def test_lines_and_times() -> None:
    assert line_text(Line("1", "agent", 61, "Oui."), ["agent"]).plain == "[01:01] agent  Oui."
    assert minutes(-3) == "00:00"
    assert minutes(3599.9) == "59:59"


def test_a_line_says_how_it_came_about() -> None:
    line = Line("agent-1", "agent", 3.0, "Bonjour.", note="corrected")
    assert line_text(line, ["agent"]).plain == "[00:03] agent  Bonjour.  (corrected)"
    line.lag = 1.2
    assert line_text(line, ["agent"]).plain.endswith("(corrected, 1.2 s)")
