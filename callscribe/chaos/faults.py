"""What can be made to go wrong, and how it is written: ``stall:up@10+5/2-3``.

A fault is a kind, perhaps with an argument, a moment, a length and the connections it befalls:

    KIND [:ARGUMENT] [@SECOND or ~SECONDS] [+SECONDS] [/CONNECTIONS]

``@20`` is second 20 of a connection, ``~30`` every 30 s on average, by the seed; ``+5`` lasts 5 s;
``/2``, ``/2-3``, ``/4-`` and ``/25%`` choose connections, counted from 1. A refusal's seconds are
those since the first connection came: ``refuse:429@10+20``. May import ``errors`` and ``wire``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from callscribe.errors import ConfigurationError


class Kind(NamedTuple):
    """What one kind of fault does, and which parts it can be written with."""

    meaning: str
    example: str
    argument: str = ""
    """A pattern; empty where there is no argument."""
    required: bool = True
    repeated: bool = True
    """Whether ~ can be written."""
    lasting: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "drop": Kind("The TCP connection is reset, on both sides.", "drop@20"),
    "refuse": Kind(
        "The upgrade or request is answered with this HTTP status, as Deepgram says it: 401, 402, "
        "403, 429, 503, any from 400 to 599. @ and + are seconds since the first connection came, "
        "so that a service can refuse for a while.",
        "refuse:429@10+20",
        r"[45]\d\d",
        repeated=False,
        lasting=True,
    ),
    "stall": Kind(
        "up: the server gets no more messages; down: the client gets none. They wait, and pings "
        "go on being answered until the stream is ended. open: the upgrade or request itself "
        "waits.",
        "stall:down@10+5",
        "up|down|open",
        lasting=True,
    ),
    "half-open": Kind(
        "The server is gone and nobody tells the client: nothing is answered any more, pings "
        "neither.",
        "half-open@12",
    ),
    "delay": Kind(
        "Everything takes so many milliseconds longer, each way; with two numbers, between them.",
        "delay:50-200",
        r"\d{1,5}(?:-\d{1,5})?",
        lasting=True,
    ),
    "garble": Kind(
        "The server's next message arrives broken: cut (half of its JSON), type (one that nobody "
        "knows), null (fields without values) or binary; which, if not said, by the seed.",
        "garble~10",
        "cut|type|null|binary",
        required=False,
    ),
    "close": Kind(
        "The client is sent this close code, with Deepgram's reason: 1008, 1011, any that may be "
        "sent.",
        "close:1011@15",
        r"100[0-37-9]|101[0-4]|[34]\d{3}",
    ),
}
"""Every kind of fault by its name."""

_NUMBER: Final = r"\d{1,6}(?:\.\d{1,3})?"
_FAULT: Final = re.compile(
    rf"(?P<kind>[a-z-]+)(?::(?P<argument>[^@~+/]*))?(?:(?P<sign>[@~])(?P<second>{_NUMBER}))?"
    rf"(?:\+(?P<lasting>{_NUMBER}))?(?:/(?P<which>.*))?",
    re.ASCII,
)
_WHICH: Final = re.compile(r"(\d{1,6})(?:(%)|(-)(\d{1,6})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections that a fault befalls: from first to last, or so many of a hundred."""

    first: int = 1
    last: int | None = None
    percent: int | None = None

    def __str__(self) -> str:
        if self.percent is not None:
            return f"/{self.percent}%"
        if self.last is None:
            return "" if self.first == 1 else f"/{self.first}-"
        return f"/{self.first}" if self.first == self.last else f"/{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; ``str`` gives it as it is written. Seconds."""

    kind: str
    argument: str = ""
    at: float | None = None
    every: float | None = None
    lasting: float | None = None
    connections: Connections = Connections()

    def __str__(self) -> str:
        return "".join(
            (
                self.kind,
                f":{self.argument}" if self.argument else "",
                f"@{_written(self.at)}" if self.at is not None else "",
                f"~{_written(self.every)}" if self.every is not None else "",
                f"+{_written(self.lasting)}" if self.lasting is not None else "",
                str(self.connections),
            )
        )


def parse_fault(text: str) -> Fault:
    """Reads a fault; ``ConfigurationError`` says what is wrong with it."""
    found = _FAULT.fullmatch(text)
    if found is None:
        raise _wrong(text, "it is not KIND[:ARGUMENT][@SECOND or ~SECONDS][+SECONDS][/CONNECTIONS]")
    name, argument = found["kind"], found["argument"]
    kind = KINDS.get(name)
    if kind is None:
        raise _wrong(text, f"there is no {name}, but {', '.join(KINDS)}")
    _check_argument(text, kind, argument)
    if found["sign"] and argument == "open":
        raise _wrong(text, "it happens when a connection is opened, so it takes no @ or ~")
    if found["sign"] == "~" and not kind.repeated:
        raise _wrong(text, f"{name} is for connections that are opened, so it takes no ~")
    if found["lasting"] and not kind.lasting:
        raise _wrong(text, f"{name} does not last, so it takes no +")
    second = float(found["second"] or 0)
    fault = Fault(
        name,
        argument or "",
        at=second if found["sign"] == "@" else None,
        every=second if found["sign"] == "~" else None,
        lasting=float(found["lasting"]) if found["lasting"] else None,
        connections=_connections(text, found["which"]),
    )
    if fault.every == 0 or fault.lasting == 0:
        raise _wrong(text, "seconds after ~ and + have to be more than 0")
    return fault


def _check_argument(text: str, kind: Kind, argument: str | None) -> None:
    if argument is None and not (kind.argument and kind.required):
        return
    if not kind.argument:
        raise _wrong(text, "it takes no argument")
    if argument is None or not re.fullmatch(kind.argument, argument, re.ASCII):
        raise _wrong(text, f"it is written like {kind.example}")
    low, _, high = argument.partition("-")
    if high and int(low) > int(high):
        raise _wrong(text, f"{low} is more than {high}")


def _connections(text: str, which: str | None) -> Connections:
    if which is None:
        return Connections()
    found = _WHICH.fullmatch(which)
    if found is None:
        raise _wrong(text, "connections are written /2, /2-3, /4- or /25%")
    number = int(found[1])
    if found[2]:
        if not 1 <= number <= 100:
            raise _wrong(text, "a share of the connections is 1% to 100%")
        return Connections(percent=number)
    last = (int(found[4]) if found[4] else None) if found[3] else number
    if number < 1 or (last is not None and last < number):
        raise _wrong(text, "connections are counted upwards from 1")
    return Connections(number, last)


def _written(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _wrong(text: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text[:60]!r} is no fault: {problem}. `callscribe chaos --list` shows them all",
        code="bad_fault",
    )
