"""Writes requirements.txt and requirements-dev.txt: exact versions with their hashes.

Run by ``make lock`` (versions that are locked stay) and ``make upgrade`` (with ``--upgrade``).
No address of a package index gets into the files, whatever this machine is set up with.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMON = [
    "pip", "compile", "pyproject.toml", "--quiet", "--universal", "--python-version", "3.11",
    "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
    "--custom-compile-command", "make lock", "--extra", "model",
]  # fmt: skip


def main() -> None:
    """Locks both files; the second keeps to the first."""
    uv = str(Path(sys.executable).with_name("uv"))
    options = [*COMMON, *sys.argv[1:]]
    runtime = ["--output-file", "requirements.txt"]
    subprocess.run([uv, *options, *runtime], cwd=ROOT, check=True)
    dev = ["--group", "dev", "--constraint", "requirements.txt"]
    subprocess.run(
        [uv, *options, *dev, "--output-file", "requirements-dev.txt"], cwd=ROOT, check=True
    )


if __name__ == "__main__":
    main()
