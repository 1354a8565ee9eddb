"""``python -m callscribe``: the command line. May import ``cli``."""

from __future__ import annotations

import sys

from callscribe.cli.app import app


def main(*command: str) -> None:
    """Runs a command, by default the one that was typed, and ends the process with its status.

    ``command`` goes before what was typed, for entry points that stand for one command.
    """
    app([*command, *sys.argv[1:]], prog_name="callscribe")


if __name__ == "__main__":
    main()
