"""The targets of the Makefile: they are listed, and a wrong Python is said."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_help_lists_what_people_need() -> None:
    listed = make().stdout
    for target in ("setup", "demo", "serve", "test", "lint", "format", "docs"):
        assert f"make {target} " in listed


TARGETS = """
setup demo serve test lint docs lock postgres bench bench-deepgram bench-leaks bench-unsure
bench-store chaos soak
"""


@pytest.mark.parametrize("target", TARGETS.split())
def test_every_target_can_be_planned(target: str) -> None:
    planned = make("--dry-run", target)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("target", ["setup", "setup-dev", "demo", "serve"])
def test_the_command_is_installed_with_the_rest(target: str, tmp_path: Path) -> None:
    planned = make("--dry-run", target, f"VENV={tmp_path}", "PYTHON=python3").stdout
    install = planned.index("tools/install_command.py")
    assert planned.index("-r requirements.txt") < install


def test_a_python_that_is_missing_is_said(tmp_path: Path) -> None:
    result = make("setup", "PYTHON=", f"VENV={tmp_path / 'venv'}")
    assert result.returncode != 0
    assert "needs Python 3.11 or later" in result.stderr
    assert not (tmp_path / "venv").exists()


def test_what_checks_a_change_is_a_script_that_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text(encoding="utf-8")
