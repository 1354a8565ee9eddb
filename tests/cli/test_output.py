"""Settings from flags and environment, and where messages go."""

import pytest

from callscribe.cli.output import byte_progress, complain, read_settings
from callscribe.errors import ConfigurationError


def test_flags_stand_above_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLSCRIBE_PORT", "9001")
    monkeypatch.setenv("CALLSCRIBE_HOST", "localhost")
    settings = read_settings(port=9002, host=None)
    assert (settings.port, settings.host) == (9002, "localhost")


def test_a_wrong_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLSCRIBE_LEG_GRACE", "a while")
    monkeypatch.setenv("CALLSCRIBE_LOG_LEVEL", "loud")
    with pytest.raises(ConfigurationError) as caught:
        read_settings()
    assert "CALLSCRIBE_LEG_GRACE: " in caught.value.message
    assert "CALLSCRIBE_LOG_LEVEL: " in caught.value.message
    assert "a while" not in caught.value.message


def test_a_variable_that_is_mistyped_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLSCRIBE_PROT", "9")
    monkeypatch.setenv("CALLSCRIBE_SOMETHING_OF_MINE", "9")
    read_settings()
    told = capsys.readouterr().err
    assert "CALLSCRIBE_PROT is no setting" in told
    assert "CALLSCRIBE_PORT is one" in told
    assert "MINE" not in told


def test_an_error_goes_to_standard_error_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a [bold]file[/] is missing")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Error: a [bold]file[/] is missing\n"


def test_progress_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with byte_progress() as report:
        report("reading", 5, 10)
        report("asking", 0, 0)
    captured = capsys.readouterr()
    assert (captured.out, captured.err.strip()) == ("", "")
