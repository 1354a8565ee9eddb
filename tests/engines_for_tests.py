"""A small deterministic engine for what has nothing to do with speech: protocol, order, faults.

It hears tones instead of words: a tone becomes the word ``f440``, and 300 ms of silence end an
utterance. Every sample counts: one that is lost or heard twice moves the times of what follows.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable

import numpy as np
from msgspec import structs

from callscribe.audio import Encoding, FloatArray, to_int16
from callscribe.engines.base import (
    Capabilities,
    EngineEvent,
    SpeechBegan,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.encoded import to_pcm
from callscribe.errors import CapacityError, ConfigurationError, EngineError
from callscribe.settings import Settings
from callscribe.transcript import Result, Word

LOUD = 1000
"""Samples above this are tone."""

PAUSE = 0.1
"""Seconds of silence that end a word."""

ENDPOINT = 0.3
"""Seconds of silence that end an utterance."""


def tones(*frequencies: int, rate: int = 16_000, gap: float = 0.5, length: float = 0.3) -> bytes:
    """Audio in which each frequency is a tone of ``length`` s, with ``gap`` s of silence after."""
    time = np.arange(int(length * rate)) / rate
    silence = np.zeros(int(gap * rate))
    parts = [part for f in frequencies for part in (8000 * np.cos(2 * np.pi * f * time), silence)]
    return np.concatenate([silence[: int(0.1 * rate)], *parts]).astype("<i2").tobytes()


class EnergyConnection:
    """One leg; looks at the whole open utterance each time, which is slow and simple."""

    def __init__(
        self, engine: EnergyEngine, rate: int, on_transcript: TranscriptCallback, interim: bool
    ) -> None:
        self._engine = engine
        self._rate = rate
        self._callback = on_transcript
        self._waiting: list[Awaitable[None]] = []
        self._interim = interim
        self._audio = bytearray()
        self._first = 0  # the sample that it begins with
        self._seen = 0  # samples that have been looked at
        self._done = 0  # samples that belong to finals
        self._shown = ""
        self.is_connected = True
        self.finalized = 0
        self._encoding: Encoding = "linear16"
        self.keyterms: tuple[str, ...] = ()

    async def send_audio(self, audio: bytes) -> None:
        if self._engine.fail_sending:
            raise EngineError("the engine broke", retryable=True)
        self._audio += to_pcm(audio, self._encoding)
        # In steps of 20 ms, so that what is heard does not depend on how the audio was cut.
        while self._first + len(self._audio) // 2 - self._seen >= self._rate // 50:
            self._seen += self._rate // 50
            self._look(closing=False)
        await self._told()

    async def finalize(self) -> None:
        self.finalized += 1
        self._look(closing=True, finalizing=True)
        await self._told()

    async def set_keyterms(self, keyterms: tuple[str, ...]) -> None:
        self.keyterms = keyterms

    async def close(self) -> None:
        if self.is_connected:
            self.is_connected = False
            self._engine.open_legs -= 1
            self._engine.closing += 1
            self._engine.most_closing = max(self._engine.most_closing, self._engine.closing)
            await asyncio.sleep(self._engine.close_delay)
            self._engine.closing -= 1
            if self._engine.fail_closing:
                raise EngineError("no last finals")
            self._look(closing=True)
            await self._told()

    async def _told(self) -> None:
        """Waits for callbacks that are coroutines, in order."""
        while self._waiting:
            await self._waiting.pop(0)

    def _tell(self, event: EngineEvent) -> None:
        answer = self._callback(event)
        if inspect.isawaitable(answer):
            self._waiting.append(answer)

    def _look(self, *, closing: bool, finalizing: bool = False) -> None:
        if closing:
            self._seen = self._first + len(self._audio) // 2
        start = self._done
        part = self._audio[(start - self._first) * 2 : (self._seen - self._first) * 2]
        samples = np.frombuffer(part, "<i2").astype(int)
        loud = np.flatnonzero(np.abs(samples) > LOUD)
        if not loud.size:
            return
        words = self._words(samples, loud, start)
        text = " ".join(word.text for word in words)
        silence = (samples.size - loud[-1]) / self._rate
        if closing or silence >= ENDPOINT:
            self._done = self._seen
            self._shown = ""
            if not self._engine.keeps_audio:
                del self._audio[: (self._done - self._first) * 2]
                self._first = self._done
            start, end = words[0].start, words[-1].end
            self._tell(
                Result(
                    text, start, end, True, True, words, 0.9, "fr", 1.0, from_finalize=finalizing
                )
            )
        elif self._interim and text != self._shown:
            if not self._shown:
                self._tell(SpeechBegan(words[0].start))
            self._shown = text
            self._tell(Result(text, words[0].start, words[-1].end, False, False, words, 0.5))

    def _words(self, samples: np.ndarray, loud: np.ndarray, start: int) -> tuple[Word, ...]:
        breaks = np.flatnonzero(np.diff(loud) > PAUSE * self._rate)
        found = []
        for first, last in zip(
            [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]], strict=True
        ):
            tone = samples[first : last + 1]
            crossings = np.count_nonzero(np.diff(np.signbit(tone)))
            frequency = crossings / 2 / max(1, tone.size) * self._rate
            found.append(
                Word(
                    f"f{round(frequency / 20) * 20}",
                    float((start + first) / self._rate),
                    float((start + last + 1) / self._rate),
                    0.9,
                )
            )
        return tuple(found)


class EnergyEngine:
    """Hears tones, for many legs at once; its faults can be switched on."""

    def __init__(self, *, max_legs: int = 64, name: str = "whisper") -> None:
        self.name = name
        self.model = "tones"
        self.max_legs = max_legs
        self.open_legs = 0
        self.closed = False
        self.close_delay = 0.0
        self.closing = 0
        self.most_closing = 0
        """How many legs were being closed at the same time, at most."""
        self.opening_delay = 0.0
        self.refused: EngineError | None = None
        """Why no leg is opened."""
        self.fail_sending = False
        self.fail_closing = False
        self.connections: list[EnergyConnection] = []
        self.keeps_audio = True
        """For tests to look at."""
        self.options: StreamOptions | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(True, True, frozenset({"fr", "en"}), auto_language=True)

    async def transcribe_streaming(
        self,
        session_id: str,  # noqa: ARG002 - the contract's
        language: str,  # noqa: ARG002
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> EnergyConnection:
        if self.refused is not None:
            raise self.refused
        if self.open_legs >= self.max_legs:
            raise CapacityError(f"all {self.max_legs} legs are taken")
        self.open_legs += 1
        self.options = options
        await asyncio.sleep(self.opening_delay)
        interim = options.interim_results if options else True
        connection = EnergyConnection(self, sample_rate, on_transcript, interim)
        connection._encoding = options.encoding if options else "linear16"
        self.connections.append(connection)
        return connection

    async def close(self) -> None:
        self.closed = True


def energy_factory(name: str, settings: Settings) -> EnergyEngine:  # noqa: ARG001
    """In place of ``create_engine``: the local engine hears tones, and there is no other."""
    if name != "whisper":
        raise ConfigurationError(
            "no DEEPGRAM_API_KEY: Whisper on this machine listens", code="no_deepgram_key"
        )
    return EnergyEngine()


class Clips(EnergyEngine):
    """Hears clips of 16 kHz too, as it hears legs, and is as sure of them as it is told."""

    sure = 0.99

    async def transcribe_clip(
        self,
        audio: FloatArray,
        language: str,
        *,
        options: StreamOptions | None = None,  # noqa: ARG002 - tones need none
    ) -> Result:
        """The tones of a clip."""
        found: list[EngineEvent] = []
        way = await EnergyEngine().transcribe_streaming("clip", language, 16_000, found.append)
        await way.send_audio(to_int16(audio).tobytes())
        await way.close()
        finals = [event for event in found if isinstance(event, Result) and event.is_final]
        words = tuple(
            structs.replace(w, confidence=self.sure) for final in finals for w in final.words
        )
        return Result("", 0.0, len(audio) / 16_000, True, words=words)
