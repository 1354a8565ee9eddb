"""Which agents the settings make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from callscribe.agents import RESERVED, create_agents
from callscribe.errors import ConfigurationError
from callscribe.settings import Settings


def made(values: Mapping[str, str]) -> list[str]:
    return [agent.name for agent in create_agents(Settings.model_validate(values))]


def test_entities_alone_needs_no_setting() -> None:
    assert made({}) == ["entities"]


def test_the_environment_makes_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("résilier\n", encoding="utf-8")
    for name, value in {
        "WATCHLIST": str(phrases),
        "WEBHOOK_URL": "http://127.0.0.1/hook",
        "WEBHOOK_SECRET": "s",
        "SUMMARY_URL": "http://127.0.0.1/v1",
        "SUMMARY_MODEL": "small",
    }.items():
        monkeypatch.setenv(f"CALLSCRIBE_{name}", value)
    names = [agent.name for agent in create_agents(Settings())]
    assert names == ["entities", "watchlist", "webhook", "summary"]
    assert set(names) == RESERVED


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"webhook_url": "http://127.0.0.1/"}, "CALLSCRIBE_WEBHOOK_SECRET"),
        ({"webhook_url": "nowhere", "webhook_secret": "s"}, "CALLSCRIBE_WEBHOOK_URL"),
        ({"summary_url": "http://127.0.0.1/v1"}, "CALLSCRIBE_SUMMARY_MODEL"),
        ({"watchlist": "/nowhere/phrases.txt"}, "CALLSCRIBE_WATCHLIST"),
    ],
)
def test_a_wrong_setting_is_said(values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        made(values)


def test_an_empty_watchlist_is_none() -> None:
    assert made({"watchlist": " ; "}) == ["entities"]
