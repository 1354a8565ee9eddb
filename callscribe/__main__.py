"""``python -m callscribe``: the command line. May import ``cli`` and ``collector``."""

from __future__ import annotations

import sys

from callscribe.collector import undisturbed


def main(*command: str) -> None:
    """Runs a command, by default the one that was typed, and ends the process with its status.

    ``command`` goes before what was typed, for entry points that stand for one command.
    """
    with undisturbed():
        from callscribe.cli.app import app
    app([*command, *sys.argv[1:]], prog_name="callscribe")


if __name__ == "__main__":
    main()
