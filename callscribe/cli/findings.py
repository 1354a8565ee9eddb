"""What a check of ``callscribe doctor`` says, and where the documentation says more.

Imports nothing of ours.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """In place, needed and broken, or optional and not there."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"


class Guide(enum.StrEnum):
    """Sections of the documentation: a file and a heading in it."""

    NONE = ""
    SETTINGS = "docs/reference/configuration.md#settings-the-environment-read-at-start"
    CONFIGURATION = (
        "docs/reference/configuration.md"
        "#configuration-transcription_configjson-changed-while-the-server-runs"
    )
    MODEL = "docs/how-to/models.md#use-your-own-model"
    SHARE = "docs/how-to/share-a-server.md#share-a-server"
    VOICES = "docs/explanation/voices.md#whisper-does-not-tell-voices-apart"
    STORE = "docs/how-to/store.md#where-calls-are-kept"
    TELEPHONE = "docs/how-to/twilio.md#connect-a-twilio-number"
    AGENTS = "docs/how-to/write-an-agent.md#write-an-agent"
    KEY = "docs/how-to/deepgram.md#give-callscribe-the-key"
    LIMITS = "docs/how-to/deepgram.md#know-your-limits"
    REGION = "docs/how-to/deepgram.md#choose-a-region"
    NO_CONNECTION = "docs/how-to/deepgram-troubleshooting.md#no-connection-found"
    HIGH_LATENCY = "docs/how-to/deepgram-troubleshooting.md#high-latency"
    CLOSES = "docs/how-to/deepgram-troubleshooting.md#closes-at-once"
    BAD_OPTION = "docs/how-to/deepgram-troubleshooting.md#400-bad-option"
    UNAUTHORIZED = "docs/how-to/deepgram-troubleshooting.md#401-unauthorized"
    NO_CREDIT = "docs/how-to/deepgram-troubleshooting.md#402-no-credit"
    FORBIDDEN = "docs/how-to/deepgram-troubleshooting.md#403-forbidden"
    BAD_ADDRESS = "docs/how-to/deepgram-troubleshooting.md#404-bad-address"
    BUSY = "docs/how-to/deepgram-troubleshooting.md#429-too-many-streams"
    UNAVAILABLE = "docs/how-to/deepgram-troubleshooting.md#5xx-unavailable"
    NOTHING_MORE = "docs/how-to/deepgram-troubleshooting.md#nothing-after-the-first-sentence"
    LANGUAGE = "docs/how-to/deepgram-troubleshooting.md#wrong-language"
    CLOCK = "docs/how-to/deepgram-troubleshooting.md#the-clock-is-wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found, what to do about it and where to read on (empty: nothing)."""

    name: str
    state: State
    detail: str
    advice: str = ""
    guide: Guide = Guide.NONE

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {
            "name": self.name,
            "state": self.state.value,
            "detail": self.detail,
            "advice": self.advice,
            "guide": self.guide.value,
        }
