"""What the documentation says is so: links, commands, and the programs in it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from callscribe.chaos import KINDS, parse_fault
from callscribe.cli.app import app
from callscribe.engines import create_engine
from callscribe.settings import Settings
from callscribe.web import errors
from tests import speech
from tests.documentation import FENCE, PAGES, ROOT, exists, prose
from tests.serving import serving

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
HEARD = 0.6
"""Share of the words that must be understood."""


def blocks(page: Path, *kinds: str) -> list[str]:
    """The contents of the fenced blocks of these kinds."""
    return [text for kind, text in FENCE.findall(page.read_text("utf-8")) if kind in kinds]


def commands(page: Path) -> list[list[str]]:
    """The lines of the shell blocks and the commands within tables, split into words."""
    inline = re.findall(r"`([^`\n]+)`", prose(page))
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in [*lines, *inline] if "'" not in line]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not target.startswith(("http://", "https://")):
            assert exists(page, target), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page: Path) -> None:
    made = [words[1] for words in commands(page) if words[:1] == ["make"] and len(words) > 1]
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(made) <= set(known)


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "cli.md"], ids=str)
def test_commands_are_understood(page: Path) -> None:
    root = typer.main.get_command(app)
    for words in commands(page):
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words[:1] in (["callscribe"], [".venv/bin/callscribe"]) and len(words) > 1:
            parse(root, words[1:])


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "cli.md"], ids=str)
def test_commands_to_copy_are_written_as_setup_installs_them(page: Path) -> None:
    for block in blocks(page, "sh"):
        assert not re.search(r"^([A-Z_]+=\S+ )*(callscribe|python -m)\b", block, re.MULTILINE)


def parse(command: Any, words: list[str]) -> None:
    """Parses without running; an option or a command that does not exist raises."""
    group = getattr(command, "commands", None)
    if group is not None:
        assert words[0] in group, words
        parse(group[words[0]], words[1:])
    else:
        known = {o for parameter in command.params for o in (*parameter.opts, "--help")}
        assert {w.split("=")[0] for w in words if w.startswith("-") and w != "-"} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_page_knows_a_machine(page: Path) -> None:
    assert not re.search(r"/(home|root|work|tmp)/", page.read_text("utf-8"))


def test_the_guide_to_chaos_has_every_fault() -> None:
    page = ROOT / "docs/how-to/test-your-own-client.md"
    written = re.findall(r"^\| `([^`]+)` \|", page.read_text("utf-8"), re.MULTILINE)
    assert {parse_fault(text).kind for text in written} == set(KINDS)
    (program,) = blocks(page, "python")
    assert all(parse_fault(text) for text in re.findall(r'"(\w+[:@][^"\s]+)"', program))


def test_the_client_in_the_guide_to_chaos_comes_back(settings: Settings) -> None:
    (program,) = blocks(ROOT / "docs/how-to/test-your-own-client.md", "python")
    with serving(settings) as served:
        said = run(program, served.ws)
    assert {line.split()[0] for line in said.splitlines()} == {"1", "2", "3", "4"}
    assert "2 refuse:503/2" in said


def test_the_lines_of_the_log_that_are_named_are_written() -> None:
    named = re.findall(
        r"`((?:deepgram|engine|leg|transcript)_[a-z_]+)`",
        prose(ROOT / "docs/how-to/deepgram-troubleshooting.md"),
    )
    source = "".join(path.read_text("utf-8") for path in (ROOT / "callscribe").rglob("*.py"))
    assert len(set(named)) > 15
    assert [name for name in named if name not in source] == []


def test_what_the_guide_to_twilio_names_is_there() -> None:
    text = (ROOT / "docs/how-to/twilio.md").read_text("utf-8")
    folder = ROOT / "callscribe" / "web" / "twilio"
    counted = set(re.findall(r'\.count\(\s*"(\w+)"', "".join(map(read, folder.glob("*.py")))))
    named = set(re.findall(r"`twilio_(\w+)`", text))
    assert named - {"call"} <= counted
    assert counted - named <= {"broken_stream", "start_again_failed"}
    for code in re.findall(r"_\w+` with `(\w+)`", text):
        assert code in errors.CODES
    for setting in re.findall(r"CALLSCRIBE_(\w+)", text):
        assert setting.lower() in Settings.model_fields


def read(path: Path) -> str:
    return path.read_text("utf-8")


def test_the_tests_that_are_named_are_there() -> None:
    named = re.findall(
        r"`(tests/[\w/]+\.py)::(\w+)`", prose(ROOT / "docs/explanation/deepgram-summary.md")
    )
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file}::{test}"


def run(program: str, *arguments: str) -> str:
    """A program of the documentation, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
        env={**os.environ, "CALLSCRIBE_DATA_DIR": str(speech.MODELS.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_python_program_writes_the_call_down() -> None:
    (program,) = blocks(ROOT / "docs/how-to/transcribe-from-python.md", "python")
    # Four times the pace of speech: the test need not take a minute.
    assert "sleep(0.1)" in program
    said = run(program.replace("sleep(0.1)", "sleep(0.025)"))
    script = " ".join(u.text for u in speech.script("fr") if u.speaker == "agent")
    assert speech.recall(script, said) > HEARD


def test_the_clients_send_and_read_along(settings: Settings, tmp_path: Path) -> None:
    here = settings.model_copy(update={"data_dir": speech.MODELS.parent, "max_legs": 2})
    (send,) = blocks(ROOT / "docs/how-to/send-audio.md", "python")
    (follow,) = blocks(ROOT / "docs/tutorial.md", "python")
    rate, samples = speech.leg("fr", "agent")
    raw = tmp_path / "speech.raw"
    raw.write_bytes(samples[: 6 * rate].astype("<i2").tobytes())
    first = next(u for u in speech.script("fr") if u.speaker == "agent")
    with serving(settings, lambda name, _: create_engine(name, here)) as served:
        said = run(send, served.ws, str(raw))
        (session,) = served.context.service.sessions()
        session.ask_end()
        told = run(follow.replace("ws://127.0.0.1:8000", served.ws), session.session_id)
    assert speech.recall(first.text, said) > HEARD
    assert told.splitlines() == [f"agent: {line}" for line in said.splitlines()]


def test_the_official_client_can_be_pointed_here(settings: Settings, tmp_path: Path) -> None:
    here = settings.model_copy(update={"data_dir": speech.MODELS.parent, "max_legs": 2})
    (program,) = blocks(ROOT / "docs/reference/listen.md", "python")
    rate, samples = speech.leg("fr", "agent")
    raw = tmp_path / "speech.raw"
    raw.write_bytes(samples[: 6 * rate].astype("<i2").tobytes())
    first = next(u for u in speech.script("fr") if u.speaker == "agent")
    with serving(settings, lambda name, _: create_engine(name, here)) as served:
        said = run(program.replace("127.0.0.1:8000", f"127.0.0.1:{served.port}"), str(raw))
    assert speech.recall(first.text, said) > HEARD
