"""Which language is meant. May import ``errors`` and ``languages``."""

from __future__ import annotations

from callscribe.errors import ConfigurationError
from callscribe.languages import LANGUAGES


def known_language(language: str) -> str:
    """The same where it is ``auto`` or one that can be spoken; else ``ConfigurationError``."""
    if language != "auto" and language not in LANGUAGES:
        raise ConfigurationError(
            f"unknown language {language!r}; right values are auto, {', '.join(LANGUAGES)}"
        )
    return language
