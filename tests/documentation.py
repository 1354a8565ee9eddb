"""The pages of the documentation, and the places in them that others point to."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """What can stand behind the # of a link to a page: its headings, in GitHub's spelling."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def exists(page: Path, target: str) -> bool:
    """Whether a link from a page leads to a file, and to a heading where it names one."""
    file, _, anchor = target.partition("#")
    there = page.parent / file if file else page
    return there.exists() and (not anchor or anchor in anchors(there))


def table(page: Path, heading: str) -> dict[str, list[str]]:
    """The first table below a heading: its rows by the names in the first column.

    Names stand in `…`, several in a cell perhaps; a cell without any is its own name.
    """
    text = page.read_text("utf-8").split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert lines is not None, f"{page}: no table below {heading}"
    rows: dict[str, list[str]] = {}
    for line in lines[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([^`]+)`", cells[0]) or [cells[0]]:
            assert name not in rows, f"{page}: {name} stands there twice"
            rows[name] = cells[1:]
    return rows
