"""Deepgram's own descriptions and recorded messages, where this machine has them.

They are not ours to keep here. ``CALLSCRIBE_PROTOCOL`` names a folder that holds ``specs`` (the
official AsyncAPI and OpenAPI files) and ``fixtures`` (recorded messages).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = os.environ.get("CALLSCRIBE_PROTOCOL", "")

needs_protocol = pytest.mark.skipif(
    not FOLDER, reason="CALLSCRIBE_PROTOCOL names no folder with specs and recorded messages"
)


def folder() -> Path:
    return Path(FOLDER)


def recorded(pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON object with a type in the recorded files, with the name of its file."""
    for path in sorted(folder().glob(f"fixtures/{pattern}")):
        text = path.read_text()
        lines = [text] if path.suffix == ".json" else text.splitlines()
        for line in filter(str.strip, lines):
            for found in typed(json.loads(line)):
                yield path.name, found


def typed(node: Any) -> Iterator[dict[str, Any]]:
    """The objects in a JSON value that say their type."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield node
        for value in node.values():
            yield from typed(value)
    elif isinstance(node, list):
        for value in node:
            yield from typed(value)
