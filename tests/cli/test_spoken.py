"""Which language a command is told."""

from __future__ import annotations

import pytest

from callscribe.cli.spoken import known_language
from callscribe.errors import ConfigurationError


def test_what_can_be_spoken_is_known() -> None:
    assert [known_language(code) for code in ("fr", "yue", "auto")] == ["fr", "yue", "auto"]
    with pytest.raises(
        ConfigurationError, match="unknown language 'xx'; right values are auto, fr"
    ):
        known_language("xx")
