"""What Twilio is told to do with a call. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

PAUSE = 3600
"""Seconds that a call stays open that is put through to nobody."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Twilio finds this server; ``base`` is its address from outside."""

    base: str

    @property
    def media(self) -> str:
        """The socket that takes a stream."""
        return f"ws{self.base.removeprefix('http')}/twilio/media"

    @property
    def status(self) -> str:
        """Where Twilio tells how a stream or a call goes."""
        return f"{self.base}/twilio/status"


def answer(addresses: Addresses, parameters: dict[str, str], dial: str) -> str:
    """TwiML: send both tracks here with these parameters, then put the call through."""
    response = VoiceResponse()
    stream = response.start().stream(
        url=addresses.media,
        track="both_tracks",
        status_callback=addresses.status,
        status_callback_method="POST",
    )
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    kind, _, name = dial.partition(":")
    if not dial:
        response.pause(length=PAUSE)
    elif kind == "client":
        response.dial().client(name)
    elif kind in ("sip", "sips"):
        response.dial().sip(dial)
    else:
        response.dial(dial)
    return str(response)


def stream_arguments(addresses: Addresses, parameters: dict[str, str]) -> dict[str, Any]:
    """The same stream for Twilio's REST API, on a call that runs already."""
    named: dict[str, Any] = {
        "url": addresses.media,
        "track": "both_tracks",
        "status_callback": addresses.status,
        "status_callback_method": "POST",
    }
    for number, (name, value) in enumerate(parameters.items(), 1):
        named[f"parameter{number}_name"] = name
        named[f"parameter{number}_value"] = value
    return named
