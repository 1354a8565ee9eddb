"""What ``callscribe doctor`` tries at Deepgram: the key, and the formats in which audio goes out.

It opens legs as the configuration would and plays seconds of the demo call into them. May import
``demo``, ``engines``, ``legs``, ``errors``, ``settings`` and the checks' own rooms.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from callscribe.audio import Encoding, Int16Array
from callscribe.cli.findings import Finding, Guide, State
from callscribe.cli.limit_checks import check_limits
from callscribe.cli.route_checks import check_clock, check_route
from callscribe.demo.call import DemoLeg, languages, load_call
from callscribe.engines.base import EngineEvent, Lost, StreamOptions, TranscriptionEngine
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.errors import CallscribeError
from callscribe.legs import stream_options
from callscribe.settings import Settings, TranscriptionConfig
from callscribe.transcript import Result
from callscribe.wire.g711 import samples_to_mulaw

SECONDS: Final = 2.0
"""Speech that is sent in each format."""

FRAME: Final = 0.1
"""Seconds of audio in one frame."""

FORMATS: Final[tuple[tuple[str, str, Encoding], ...]] = (
    # speaker of the demo call, what people call the format, its name on the wire
    ("agent", "16 kHz PCM", "linear16"),
    ("technician", "8 kHz mu-law", "mulaw"),
)

GUIDES: Final[Mapping[str, Guide]] = {
    "bad_configuration": Guide.BAD_OPTION,
    "invalid_query": Guide.BAD_OPTION,
    "deepgram_bad_option": Guide.BAD_OPTION,
    "deepgram_unauthorized": Guide.UNAUTHORIZED,
    "deepgram_no_credit": Guide.NO_CREDIT,
    "deepgram_forbidden": Guide.FORBIDDEN,
    "deepgram_bad_address": Guide.BAD_ADDRESS,
    "deepgram_refused": Guide.BAD_OPTION,
    "deepgram_busy": Guide.BUSY,
    "deepgram_unavailable": Guide.UNAVAILABLE,
    "deepgram_unreachable": Guide.NO_CONNECTION,
    "deepgram_timeout": Guide.CLOSES,
    "deepgram_closed": Guide.CLOSES,
    "deepgram_bad_audio": Guide.CLOSES,
    "deepgram_stalled": Guide.NOTHING_MORE,
}
"""Where to read on, by the code of the error."""


@dataclass(slots=True)
class Attempt:
    """A leg that was tried: the seconds until it was open, and what came back."""

    opened: float = 0.0
    events: list[EngineEvent] = field(default_factory=list)

    @property
    def answers(self) -> list[Result]:
        """All results, those without words too."""
        return [event for event in self.events if isinstance(event, Result)]

    @property
    def text(self) -> str:
        """The words that were heard."""
        return " ".join(result.text for result in self.answers if result.is_final and result.text)


def check_deepgram(settings: Settings, config: TranscriptionConfig) -> list[Finding]:
    """Route, clock, key and formats; what cannot be tried without the one before is left out."""
    if settings.deepgram_api_key is None:
        return [
            Finding(
                "Deepgram", State.NOTE, "no DEEPGRAM_API_KEY: Whisper on this machine listens",
                "set it to use Deepgram", Guide.KEY,
            )
        ]  # fmt: skip
    route = check_route(settings)
    if route.state is State.BAD:
        return [route]
    tried = asyncio.run(_try(settings, config))
    return [route, check_clock(settings), check_limits(settings), *tried]


async def _try(settings: Settings, config: TranscriptionConfig) -> list[Finding]:
    assert settings.deepgram_api_key is not None  # noqa: S101 - the caller has looked
    key = settings.deepgram_api_key.get_secret_value()
    findings: list[Finding] = []
    try:
        engine = _engine(key, settings.deepgram_base_url, streaming=config.deepgram_use_streaming)
        try:
            language, unknown = _language(engine, config)
            findings += unknown
            findings += await _try_formats(engine, language, config, settings.deepgram_base_url)
        finally:
            await engine.close()
    except CallscribeError as error:
        findings.append(_failed("Deepgram", error))
    return findings


def _engine(key: str, address: str, *, streaming: bool) -> TranscriptionEngine:
    """The way that the configuration takes; nobody needs to hear the end of two seconds."""
    if streaming:
        return DeepgramTranscriptionService(key, base_url=address, ears=False)
    return DeepgramBatchService(key, base_url=address)


async def _try_formats(
    engine: TranscriptionEngine, language: str, config: TranscriptionConfig, address: str
) -> list[Finding]:
    call = load_call(language if language in languages() else "en")
    attempts: list[Attempt] = []
    findings: list[Finding] = []
    for speaker, name, encoding in FORMATS:
        options = replace(stream_options(config, encoding), pass_through=True)
        try:
            attempt = await _listen(engine, call.legs[speaker], language, options)
        except CallscribeError as error:
            failed = _failed("Microphone" if attempts else "Deepgram", error)
            return [*findings, replace(failed, detail=f"{name}: {failed.detail}")]
        if not attempts:
            findings.append(_taken(address, attempt, options))
        attempts.append(attempt)
    return [*findings, _heard(attempts, expected=call.language == language)]


async def _listen(
    engine: TranscriptionEngine, leg: DemoLeg, language: str, options: StreamOptions
) -> Attempt:
    """Plays the loudest seconds of a leg; the error that ended the connection, if one did."""
    attempt = Attempt()
    began = time.monotonic()
    connection = await engine.transcribe_streaming(
        "doctor", language, leg.rate, attempt.events.append, options=options
    )
    attempt.opened = time.monotonic() - began
    samples = loudest(leg.samples, leg.rate)
    step = int(FRAME * leg.rate)
    for at in range(0, len(samples), step):
        piece = samples[at : at + step]
        if connection.is_connected:
            coded = options.encoding == "mulaw"
            await connection.send_audio(
                samples_to_mulaw(piece) if coded else piece.astype("<i2").tobytes()
            )
            await asyncio.sleep(0)  # lets it notice that the server has closed
    await connection.close()
    lost = [event.error for event in attempt.events if isinstance(event, Lost)]
    if lost:
        raise lost[0]
    return attempt


def loudest(samples: Int16Array, rate: int) -> Int16Array:
    """The ``SECONDS`` of a leg in which there is most to hear."""
    most = int(SECONDS * rate)
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(sums[most:] - sums[:-most])) if len(samples) > most else 0
    return samples[start : start + most]


def _language(
    engine: TranscriptionEngine, config: TranscriptionConfig
) -> tuple[str, list[Finding]]:
    """The language to try, and a note where Deepgram does not have the configured one."""
    wanted = config.transcription_language
    if wanted == "auto" or wanted in engine.capabilities.languages:
        return wanted, []
    note = Finding(
        "Language", State.NOTE, f"Deepgram has no {wanted!r}: Whisper transcribes such calls",
        "nothing, or another transcription_language", Guide.LANGUAGE,
    )  # fmt: skip
    return "en", [note]


def _taken(address: str, attempt: Attempt, options: StreamOptions) -> Finding:
    what = f"opened a stream in {attempt.opened:.2f} s"
    if not options.streaming:
        waited = [answer.latency_ms or 0.0 for answer in attempt.answers]
        what = f"answered a request in {sum(waited[:1]) / 1000:.2f} s"
    detail = f"{address} took the key and {what}, model {options.model}"
    return Finding("Deepgram", State.GOOD, detail)


def _heard(attempts: list[Attempt], *, expected: bool) -> Finding:
    """Judges the answers; words are ``expected`` where the speech is in the language asked for."""
    names = [name for _, name, _ in FORMATS]
    silent = [n for n, attempt in zip(names, attempts, strict=True) if not attempt.answers]
    if silent:
        return Finding(
            "Microphone", State.BAD, f"{' and '.join(silent)}: taken, and never answered",
            guide=Guide.NOTHING_MORE,
        )  # fmt: skip
    wordless = [n for n, attempt in zip(names, attempts, strict=True) if not attempt.text]
    if wordless and expected:
        return Finding(
            "Microphone", State.NOTE, f"{' and '.join(wordless)}: answered, without any word",
            "check transcription_language and deepgram_model", Guide.LANGUAGE,
        )  # fmt: skip
    told = (f"{name} “{attempt.text}”" for name, attempt in zip(names, attempts, strict=True))
    return Finding("Microphone", State.GOOD, f"heard in {' and in '.join(told)}")


def _failed(name: str, error: CallscribeError) -> Finding:
    return Finding(name, State.BAD, error.message, guide=GUIDES.get(error.code, Guide.CLOSES))
