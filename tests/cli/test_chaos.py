"""A bad network from the command line."""

import asyncio
import re
import signal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from callscribe.chaos import KINDS, Happening, parse_fault
from callscribe.cli.chaos import line
from tests.cli.running import at_work, command, run
from tests.engines_for_tests import tones
from tests.serving import Served

LISTEN = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&keyterm=Viessmann"


def test_the_list_has_every_fault_with_an_example() -> None:
    text = run("chaos", "--list").output
    for name, kind in KINDS.items():
        assert re.search(rf"^{name} +{re.escape(kind.example)} ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--fault", "fly@3"), "there is no fly, but drop"),
        (("--fault", "drop@x"), "chaos --list"),
        (("--upstream", "nowhere"), "no address of a server"),
    ],
)
def test_what_cannot_be_is_a_sentence(arguments: tuple[str, ...], hint: str) -> None:
    result = run("chaos", "--port", "0", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert hint in result.stderr


def test_a_happening_is_a_line() -> None:
    happening = Happening(3, 12.345, "the connection is reset", parse_fault("drop@12"))
    assert line(happening) == "   #3    12.35 s  drop@12: the connection is reset"
    assert line(Happening(1, 0, "GET /v1/listen")).endswith("s  GET /v1/listen")


async def visit(address: str, rounds: int) -> None:
    for _ in range(rounds):
        with pytest.raises(ConnectionClosed):  # noqa: PT012 - it may come in either of the two
            async with connect(
                address + LISTEN, additional_headers={"Authorization": "Token secret-key"}
            ) as socket:
                while True:
                    await socket.send(tones(400) + bytes(16_000))
                    await asyncio.sleep(0.02)


def played(served: Served, data: Path, seed: str) -> tuple[list[str], str]:
    """A run of the command with three visits: the lines of its faults, and all it said."""
    start = command("chaos", "--upstream", served.ws, "--port", "0", "--seed", seed)
    faults = ("--fault", "drop~0.3", "--fault", "garble~0.5")
    with at_work([*start, *faults], data, COLUMNS="200") as process:
        assert process.stdout is not None
        said = ""
        while "Seed" not in said:
            said += process.stdout.readline()
        found = re.search(r"ws://\S+", said)
        assert found is not None
        asyncio.run(visit(found[0], 3))
        process.send_signal(signal.SIGINT)
        said += "".join(process.communicate(timeout=30))
    assert process.returncode == 0, said
    drops = re.findall(r"#(\d) +[\d.]+ s  drop~0.3: the connection is reset", said)
    return drops, said


def test_it_plays_until_ctrl_c_and_says_what_it_does(served: Served, tmp_path: Path) -> None:
    drops, said = played(served, tmp_path, "7")
    assert drops == ["1", "2", "3"]
    assert re.search(r"Seed +7\n", said)
    assert re.search(rf"Server +{served.ws}\n", said)
    assert re.search(r"Faults +drop~0.3 garble~0.5\n", said)
    for secret in ("secret-key", "Viessmann", "f400", "Traceback"):
        assert secret not in said


def test_without_a_seed_one_is_drawn_and_said(served: Served, tmp_path: Path) -> None:
    start = command("chaos", "--upstream", served.ws, "--port", "0")
    with at_work(start, tmp_path) as process:
        assert process.stdout is not None
        said = ""
        while "Seed" not in said:
            said += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert re.search(r"Seed +\d+\n", said)
    assert "none: everything passes" in said
