"""One channel's leg in the recogniser, which can go on with other options while it runs.

May import ``engines.base``, ``transcript`` and ``wire``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from callscribe.engines.base import (
    EngineEvent,
    SpeechBegan,
    StreamingConnection,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.transcript import Result
from callscribe.web.listen.channel import ChannelText
from callscribe.wire import deepgram as dg

Opener = Callable[[StreamOptions, TranscriptCallback], Awaitable[StreamingConnection]]
Sender = Callable[[Sequence[dg.ServerMessage]], Awaitable[None]]


class ChannelLeg:
    """What a channel's audio goes into; results come out as Deepgram's messages, by ``send``.

    A recogniser takes options when a leg is opened only. So other options need another leg: it
    begins where the first one ends, and its times go on from there.
    """

    def __init__(self, opener: Opener, text: ChannelText, send: Sender) -> None:
        self.text = text
        self._opener = opener
        self._send = send
        self._leg: StreamingConnection | None = None

    async def open(self, options: StreamOptions, now: float = 0.0) -> StreamingConnection:
        """A connection whose audio begins at ``now``, seconds of the channel.

        It hears nothing before ``go_on_with`` has it. Errors of the engine.
        """

        async def tell(event: EngineEvent) -> None:
            await self._send(self.text.tell(later(event, now)))

        return await self._opener(options, tell)

    async def go_on_with(self, leg: StreamingConnection) -> None:
        """Audio goes to this connection from now on; what the last one has heard comes before."""
        before, self._leg = self._leg, leg
        if before is not None:
            await before.close()

    async def send_audio(self, audio: bytes) -> None:
        """16-bit PCM for the connection."""
        if self._leg is not None:
            await self._leg.send_audio(audio)

    async def finalize(self) -> None:
        """Asks for a final of what has been heard."""
        if self._leg is not None:
            await self._leg.finalize()

    async def close(self) -> None:
        """Ends the audio and waits for the last final. Idempotent."""
        if self._leg is not None:
            await self._leg.close()


def later(event: EngineEvent, seconds: float) -> EngineEvent:
    """The event as if the audio had begun so much earlier."""
    if isinstance(event, SpeechBegan):
        return SpeechBegan(event.start + seconds)
    if not isinstance(event, Result) or not seconds:
        return event
    words = tuple(
        replace(word, start=word.start + seconds, end=word.end + seconds) for word in event.words
    )
    return replace(event, start=event.start + seconds, end=event.end + seconds, words=words)
