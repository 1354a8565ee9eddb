"""Callscribe and bare relays side by side: legs on one core, and what each leg costs.

python -m benchmarks.relay --legs 50 --seconds 10 [--gateways callscribe,picows] [--repeats 3]

The gateways are callscribe, picows and websockets; each try is a line.
"""

from __future__ import annotations

import argparse

from benchmarks.relay.gateways import BARE, CALLSCRIBE
from benchmarks.relay.levels import attempt


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--legs", default="50")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--gateways", default="callscribe,picows,websockets")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--burst", type=int, default=0)
    asked = parser.parse_args()
    known = {gateway.name: gateway for gateway in (CALLSCRIBE, *BARE)}
    for _ in range(asked.repeats):
        for legs in map(int, asked.legs.split(",")):
            for name in asked.gateways.split(","):
                print(attempt(known[name], legs, asked.seconds, burst=asked.burst), flush=True)


if __name__ == "__main__":
    main()
