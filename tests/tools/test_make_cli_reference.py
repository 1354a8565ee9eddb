"""The reference of the command line is current."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_what_the_commands_say() -> None:
    tool = ROOT / "tools" / "make_cli_reference.py"
    done = subprocess.run([sys.executable, str(tool), "--check"], check=False)
    assert done.returncode == 0, "run make docs"


def test_every_command_is_on_it() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in ("serve", "transcribe", "demo", "doctor", "chaos", "models fetch", "models verify"):
        assert f"# callscribe {name}\n" in text
