"""The same with pipecat and LiveKit's Deepgram plugin beside Callscribe and the bare relays.

    python -m benchmarks.relay.peers [--legs 25,50,100,…] [--repeats 3]

Each peer gets an environment of its own, from PyPI, in ``data/peers`` or CALLSCRIBE_PEERS. All that
``benchmarks.relay`` takes may be asked for here too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.relay.__main__ import arguments, run
from benchmarks.relay.gateways import BARE, CALLSCRIBE, ROOT, Gateway

FOLDER: Final = Path(os.environ.get("CALLSCRIBE_PEERS") or ROOT / "data" / "peers")
GATEWAYS: Final = Path(__file__).parent / "peer"
LEVELS: Final = "25,50,75,100,125,150,200,300,400,500"


@dataclass(frozen=True, slots=True)
class Peer:
    """What stands beside: its name, what a table calls it, and what PyPI has to give."""

    name: str
    said: str
    packages: Sequence[str]

    @property
    def gateway(self) -> Gateway:
        """The peer as a gateway in its own environment."""
        program = GATEWAYS / f"{self.name}_gateway.py"
        return Gateway(self.name, self.said, (python(self), str(program), "{port}", "{sink}"))


PEERS: Final = (
    Peer(
        "pipecat",
        "pipecat 1.14.0",
        ("pipecat-ai[deepgram,websocket]==1.14.0", "fastapi", "uvicorn[standard]"),
    ),
    Peer(
        "livekit",
        "LiveKit's plugin 1.8.9 alone",
        (
            "livekit-agents==1.8.9",
            "livekit-plugins-deepgram==1.8.9",
            "starlette",
            "uvicorn[standard]",
            "websockets",
        ),
    ),
)


def python(peer: Peer) -> str:
    """The interpreter of a peer's environment."""
    return str(FOLDER / peer.name / "bin" / "python")


def install(peer: Peer) -> None:
    """Makes a peer's environment where it is not there as it should be."""
    done = FOLDER / peer.name / "installed"
    wanted = "\n".join(peer.packages)
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return
    Console().print(f"Installing {peer.said} (a minute)")
    subprocess.run([sys.executable, "-m", "venv", "--clear", done.parent], check=True)
    pip = [python(peer), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    subprocess.run([*pip, *peer.packages], check=True)
    done.write_text(wanted, encoding="utf-8")


def main() -> None:
    """Installs what is missing, measures and prints."""
    parser = arguments((__doc__ or "").split("\n")[0])
    parser.set_defaults(legs=LEVELS, json=ROOT / "data" / "relay-peers.json", burst=0, starts=0)
    asked = parser.parse_args()
    for peer in PEERS:
        if not asked.gateways or peer.name in asked.gateways.split(","):
            install(peer)
    run(asked, (CALLSCRIBE, *BARE, *(peer.gateway for peer in PEERS)))


if __name__ == "__main__":
    main()
