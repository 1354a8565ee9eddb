"""All commands: they explain themselves, and say errors in a sentence."""

import pytest

from callscribe import __version__
from tests.cli.running import run

COMMANDS = [
    (),
    ("serve",),
    ("transcribe",),
    ("demo",),
    ("doctor",),
    ("chaos",),
    ("models",),
    ("models", "list"),
    ("models", "fetch"),
    ("models", "verify"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: callscribe" in result.output


@pytest.mark.parametrize("command", ["serve", "transcribe", "demo", "doctor", "chaos", "models"])
def test_every_command_gives_an_example(command: str) -> None:
    assert f"• callscribe {command}" in run(command, "--help").output


def test_the_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"callscribe {__version__}\n")


def test_without_a_command_the_help_is_shown() -> None:
    assert "Usage: callscribe" in run().output


def test_a_wrong_setting_is_a_sentence_without_the_value() -> None:
    result = run("models", "list", CALLSCRIBE_PORT="many thousand")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: CALLSCRIBE_PORT: Input should be a valid integer")
    assert "many thousand" not in result.output
    assert "Traceback" not in result.output


def test_a_wrong_option_is_told_from_an_error() -> None:
    assert run("serve", "--port", "70000").exit_code == 2
    assert run("fly").exit_code == 2
