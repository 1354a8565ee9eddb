"""Gives an environment the command ``callscribe`` of this checkout. Run by ``make setup``.

An editable install would fetch the build tools; a path file and a script need nothing.
"""

from __future__ import annotations

import shlex
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent.resolve()

# A shell starts it: the line that names an interpreter may be neither long nor hold spaces.
COMMAND = """#!/bin/sh
exec {python} -P -c 'import sys; from callscribe.__main__ import main; sys.exit(main())' "$@"
"""


def main() -> None:
    """Writes ``callscribe.pth`` and ``bin/callscribe`` into the environment."""
    if sys.prefix == sys.base_prefix:
        sys.exit("this is no virtual environment; run it with .venv/bin/python")
    packages, scripts = (Path(sysconfig.get_path(name)) for name in ("purelib", "scripts"))
    (packages / "callscribe.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = scripts / "callscribe"
    command.write_text(COMMAND.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()
