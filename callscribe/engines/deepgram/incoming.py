"""What Deepgram sends on one leg's connection: read, noted, and handed on.

May import ``engines.lane``, ``engines.telling``, ``errors``, ``reading``, ``tick``,
``transcript``, ``wire`` and its own room.
"""

from __future__ import annotations

import logging
from typing import Any

from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.doubt import Doubt
from callscribe.engines.deepgram.latest import Latest
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.signals import Signals
from callscribe.engines.deepgram.transport import Transport
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.lane import Lane
from callscribe.engines.telling import EngineTeller
from callscribe.errors import ProtocolError
from callscribe.reading import Later
from callscribe.tick import tick
from callscribe.transcript import Result
from callscribe.wire import deepgram as dg

_levels = logging.getLogger(__name__)
"""The logger below, which is quick to say that nobody wants to know."""


class Incoming:
    """Takes messages as they come. What it raises ends the connection.

    ``log`` is the connection's own.
    """

    def __init__(
        self,
        transport: Transport,
        reader: ResultReader,
        watch: Watch,
        doubt: Doubt,
        lane: Lane,
        teller: EngineTeller,
        signals: Signals,
        log: Any,  # noqa: ANN401 - structlog's
    ) -> None:
        self.garbled = 0
        self.metadata_missing = False
        self._transport = transport
        self._reader = reader
        self._watch = watch
        self._doubt = doubt
        self._lane = lane
        self._teller = teller
        self._latest = Latest(teller.put, tick())
        self._signals = signals
        self._metadata: dg.Metadata | None = None
        """What the server said at the end."""
        self._log = log

    def take(self, text: str | bytes) -> Later | None:
        """Takes a message; what is much to be told already is to be waited for."""
        self._lane.settle_lowest()
        self._watch.answer()
        message = self._parse(text)
        if type(message) is dg.Results:  # nearly always
            self._signals.send("message", message)
            self._note(message)
            result = self._reader.result(message)
            if _levels.isEnabledFor(logging.DEBUG):
                name = "deepgram_final" if result.is_final else "deepgram_interim"
                self._log.debug(name, text=result.text)
            is_full = self._latest.put(result)
        else:
            is_full = self._latest.tell()
            is_full = self._take_other(message, text) or is_full
        return Later(self._teller.room()) if is_full else None

    def _take_other(self, message: dg.ServerMessage | None, text: str | bytes) -> bool:
        """Takes what is no result; whether much is to be told already."""
        if message is None or isinstance(message, dg.Unknown):
            self._reader.unreadable()
        if message is None:
            return False
        self._signals.send("message", message)
        if isinstance(message, dg.Metadata):
            self._metadata = message
        event = self._reader.read(message)
        if event is not None:
            if isinstance(event, Result):
                self._log.debug("deepgram_final", text=event.text)
            return self._teller.put(event)
        if not isinstance(message, dg.Metadata | dg.UtteranceEnd):
            self.garbled += isinstance(message, dg.Unknown)
            self._log.debug("deepgram_message", text=text)
        return False

    def _note(self, message: dg.Results) -> None:
        """What a result says beside its words."""
        if self._reader.lacks(message.start):
            raise faults.unread(self._transport.request_id)
        if message.from_finalize is True:
            self._watch.finalize_due = None
        self._watch.results(message.start + message.duration)
        if self._doubt.is_told:
            self._doubt.look()  # before what it says: nobody else is to have the leg now

    def _parse(self, text: str | bytes) -> dg.ServerMessage | None:
        try:
            if isinstance(text, str):
                return dg.parse_server(text)
            problem = "a binary frame"
        except ProtocolError as error:
            problem = error.message
        self.garbled += 1
        self._log.warning("deepgram_garbled", problem=problem)
        return None

    def end(self, *, asked: bool) -> None:
        """The server has closed in good order; raises what that leaves to say.

        ``asked``: it was told to.
        """
        end = self._metadata
        if end is not None and not end.duration and self._watch.received:
            raise faults.closed(1008, "DATA-0000", self._transport.request_id)
        if end is not None and self._reader.lacks(end.duration):
            raise faults.unread(self._transport.request_id)
        if not asked or self._reader.is_showing:
            raise faults.closed(1000, "", self._transport.request_id)
        if end is None:
            self.metadata_missing = True
            self._log.warning("deepgram_no_metadata", request_id=self._transport.request_id)
