"""The protocol of the plain PCM WebSocket ``/ws/audio``: browsers, the demo, any program.

A client sends ``start`` as its first text frame, then binary frames of little-endian 16-bit mono
PCM at the rate it announced, then ``stop``. The server answers ``ready``, then ``ack`` about once
a second, the leg's events as they happen, and ``ended`` when the last final is out. A client whose
socket dropped connects again with the ``resume`` token of ``ready`` and goes on from sample
``received``: nothing is lost, nothing is heard twice.

May import ``audio`` and ``errors``.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeGuard

from callscribe.audio import WIDTH, Encoding
from callscribe.errors import ProtocolError
from callscribe.former import Recording

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
"""What a session id and a speaker's name may look like."""

MIN_RATE, MAX_RATE = 8_000, 48_000
"""Sample rates that are taken, Hz."""

MAX_WAITING = 86_400_000
"""The oldest that a client's first sample may be, ms: a day."""

MAX_SAMPLE = MAX_WAITING // 1000 * MAX_RATE
"""The highest sample of a leg: a day's."""

MAX_TEXT = 65_536
"""The longest text frame that is read, characters."""


@dataclass(frozen=True, slots=True)
class Start:
    """First message: who speaks in which session, and how the audio is made.

    ``session_id`` empty: a new session is made and named in ``ready``. ``language`` empty: the
    configured one. ``resume`` is the token of an earlier ``ready`` of this same leg.
    ``waiting_ms`` above 0: the audio is being recorded already, and the first sample that will be
    sent is so old. 0: the audio begins with its first frame. ``recording``: what the client
    keeps until it is written down.
    """

    type: ClassVar[str] = "start"

    session_id: str = ""
    speaker: str = "agent"
    sample_rate: int = 16_000
    encoding: Encoding = "linear16"
    language: str = ""
    resume: str = ""
    waiting_ms: float = 0.0
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class Finalize:
    """Write down at once what has been heard so far."""

    type: ClassVar[str] = "finalize"


@dataclass(frozen=True, slots=True)
class Stop:
    """The leg is over: final results, ``ended`` and a close with 1000 follow."""

    type: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Nothing to say, still here."""

    type: ClassVar[str] = "keepalive"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type this version does not know: kept as it came, counted, not refused."""

    name: str
    body: dict[str, Any]


ClientMessage = Start | Finalize | Stop | KeepAlive | Unknown


@dataclass(frozen=True, slots=True)
class Ready:
    """The leg is open. ``received``: samples the server already has; ``resume``: keep it.

    ``skip``: so many of the samples that a client has kept are written down already. The leg begins
    behind them.
    """

    type: ClassVar[str] = "ready"

    session_id: str
    speaker: str
    resume: str
    received: int
    engine: str
    language: str
    sample_rate: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """``received`` samples have arrived since the leg's start.

    What is said in the first ``settled`` of them is written down, whatever becomes of the server:
    a client may forget these; None of a server that does not say. ``lag_ms`` is how far the text
    stands behind the audio, null while nobody speaks.
    """

    type: ClassVar[str] = "ack"

    received: int
    lag_ms: float | None = None
    settled: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something went wrong; ``fatal``: the socket closes after this."""

    type: ClassVar[str] = "error"

    code: str
    message: str
    fatal: bool
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """All finals are out; a close with 1000 follows. ``seconds`` of audio were heard."""

    type: ClassVar[str] = "ended"

    session_id: str
    speaker: str
    seconds: float


ServerMessage = Ready | Ack | Failure | Ended


def encode(message: ClientMessage | ServerMessage) -> str:
    """A message as one JSON text frame."""
    if isinstance(message, Unknown):
        return json.dumps({**message.body, "type": message.name}, ensure_ascii=False)
    return json.dumps({"type": message.type, **asdict(message)}, ensure_ascii=False)


def parse_client(text: str) -> ClientMessage:
    """Reads a client's text frame; ``ProtocolError`` says what is wrong with a malformed one."""
    body = _object(text)
    name = body.pop("type", None)
    if not isinstance(name, str):
        raise ProtocolError('every message needs a "type", for example {"type": "start"}')
    if name == Start.type:
        return _start(body)
    for kind in (Finalize, Stop, KeepAlive):
        if name == kind.type:
            return kind()
    return Unknown(name, body)


def parse_server(text: str) -> ServerMessage | Unknown:
    """Reads a server's text frame; events of the session come as ``Unknown`` with their type."""
    body = _object(text)
    name = body.pop("type", None)
    kinds: dict[str, type[Ready | Ack | Failure | Ended]] = {
        kind.type: kind for kind in (Ready, Ack, Failure, Ended)
    }
    if not isinstance(name, str):
        raise ProtocolError('a server message without a "type"')
    if name not in kinds:
        return Unknown(name, body)
    kind = kinds[name]
    known = {key: value for key, value in body.items() if key in kind.__slots__}
    try:
        return kind(**known)
    except TypeError as error:
        raise ProtocolError(f"malformed {name} message: {error}") from error


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        raise ProtocolError(f"a text frame may hold {MAX_TEXT} characters, this has {len(text)}")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a text frame must be a JSON object, this is not JSON") from error
    if not isinstance(body, dict):
        raise ProtocolError(f"a text frame must be a JSON object, this is {type(body).__name__}")
    return body


def _start(body: dict[str, Any]) -> Start:
    def string(key: str, default: str) -> str:
        value = body.get(key, default)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > 256:
            raise ProtocolError(f'start: "{key}" must be a string of at most 256 characters')
        return value

    session_id, speaker = string("session_id", ""), string("speaker", "agent")
    for key, value in (("session_id", session_id), ("speaker", speaker)):
        if value and not NAME.fullmatch(value):
            raise ProtocolError(
                f'start: "{key}" may hold up to 64 letters, digits and _ . : - '
                "and begins with a letter or digit"
            )
    if not speaker:
        raise ProtocolError('start: "speaker" must not be empty; say for example "agent"')
    rate = body.get("sample_rate", 16_000)
    if isinstance(rate, bool) or not isinstance(rate, int) or not MIN_RATE <= rate <= MAX_RATE:
        raise ProtocolError(
            f'start: "sample_rate" must be a whole number from {MIN_RATE} to {MAX_RATE} Hz',
            code="bad_sample_rate",
        )
    encoding = string("encoding", "linear16")
    known = next((name for name in WIDTH if name == encoding), None)
    if known is None:
        raise ProtocolError(
            'start: "encoding" must be "linear16" (16-bit little-endian mono PCM) or "mulaw" '
            "(G.711, a byte for each sample)",
            code="bad_encoding",
        )
    return Start(
        session_id,
        speaker,
        rate,
        known,
        string("language", ""),
        string("resume", ""),
        _waiting(body.get("waiting_ms")),
        _recording(body.get("recording")),
    )


def _recording(value: object) -> Recording | None:
    if value is None:
        return None
    if isinstance(value, dict):
        name, settled, kept = (value.get(key) for key in ("id", "settled", "kept"))
        known = isinstance(name, str) and NAME.fullmatch(name)
        if known and _is_sample(settled) and _is_sample(kept):
            return Recording(known[0], settled, kept)
    raise ProtocolError(
        'start: "recording" must have an "id" of up to 64 letters, digits and _ . : -, and '
        f'"settled" and "kept", samples from 0 to {MAX_SAMPLE}'
    )


def _is_sample(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SAMPLE


def _waiting(value: object) -> float:
    if value is None:
        return 0.0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_WAITING:
        return float(value)
    raise ProtocolError(
        f'start: "waiting_ms" must be a number from 0 to {MAX_WAITING}, the age of the first sample'
    )
