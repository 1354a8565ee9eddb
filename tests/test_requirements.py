"""The locked requirements: they fit the project, and nothing of a machine is in them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["model"],
]


def locked(name: str) -> dict[str, str]:
    """Package to version."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pins}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.txt", RUNTIME),
        ("requirements-dev.txt", [*RUNTIME, *PROJECT["dependency-groups"]["dev"]]),
    ],
)
def test_everything_the_project_asks_for_is_locked(name: str, wanted: list[str]) -> None:
    pins = locked(name)
    for entry in map(Requirement, wanted):
        version = pins.get(canonicalize_name(entry.name))
        assert version is not None, f"{entry.name} is not in {name}: run make lock"
        assert entry.specifier.contains(version, prereleases=True), f"{entry}: run make lock"


def test_tools_and_server_use_the_same_versions() -> None:
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_nothing_of_a_machine_or_an_index_is_in_the_lock(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|find-links|(^|\s)/\w", text)
    assert "torch" not in locked(name)
    blocks = re.split(r"\n(?=\S)", text)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
