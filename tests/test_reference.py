"""The reference is complete: every setting, key, event and error code stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe import events
from callscribe.settings import Settings, TranscriptionConfig
from callscribe.web import errors

KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
]
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_described(field: str) -> None:
    info = Settings.model_fields[field]
    name = info.validation_alias or f"CALLSCRIBE_{field.upper()}"
    assert f"| `{name}` |" in page("configuration")
    assert (info.description or "") in page("configuration")


@pytest.mark.parametrize("key", TranscriptionConfig.model_fields)
def test_every_key_is_described(key: str) -> None:
    assert f"| `{key}` |" in page("configuration")
    assert (TranscriptionConfig.model_fields[key].description or "") in page("configuration")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_event_is_described(kind: type[events.Event]) -> None:
    assert f"| `{kind.type}` | {'yes' if kind.durable else 'no'} |" in page("sockets")


def test_close_codes_are_those_of_the_mapping() -> None:
    rows = [line.split("|") for line in page("sockets").splitlines() if line.startswith("| 1")]
    for _, close, codes, _ in rows:
        for code, (_, mapped) in errors.CODES.items():
            if f"`{code}`" in codes:
                assert mapped == int(close), code
