"""``make setup`` gives the command ``callscribe``, which works from any folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from callscribe import __version__

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / "tools" / "install_command.py"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment of its own, in a folder with a space, with the packages of this one."""
    folder = tmp_path / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout[:-1])
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return python


def test_the_command_runs_from_any_folder(python: Path, tmp_path: Path) -> None:
    for _ in range(2):  # it may be written over
        subprocess.run([python, TOOL], check=True)
    (tmp_path / "callscribe.py").write_text("raise SystemExit('the wrong one')")
    command = python.parent / "callscribe"
    shown = subprocess.run(
        [command, "--version"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert shown.stdout == f"callscribe {__version__}\n"
    wrong = subprocess.run(
        [command, "models", "no-such"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "no-such" in wrong.stderr


def test_the_package_can_be_imported_from_any_folder(python: Path, tmp_path: Path) -> None:
    subprocess.run([python, TOOL], check=True)
    asked = [python, "-c", "import callscribe; print(callscribe.__file__)"]
    found = subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == str(ROOT / "callscribe" / "__init__.py")


def test_only_an_environment_gets_it(python: Path) -> None:
    where = [python, "-c", "import sys; print(sys._base_executable)"]
    base = subprocess.run(where, check=True, capture_output=True, text=True).stdout[:-1]
    refused = subprocess.run([base, TOOL], check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "no virtual environment" in refused.stderr
