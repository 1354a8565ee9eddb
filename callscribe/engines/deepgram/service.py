"""``DeepgramTranscriptionService``: Deepgram's streaming recogniser for many legs at once.

The official SDK makes address, options and authentication; the socket is ``transport.py``. May
import ``engines.base``, ``errors``, ``languages``, ``wire`` and its own room.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from callscribe import logs
from callscribe.engines.base import (
    Capabilities,
    StreamingConnection,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.deepgram import watch
from callscribe.engines.deepgram.budget import Budget
from callscribe.engines.deepgram.connection import DeepgramStreamingConnection
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.transport import load_sdk, make_transport
from callscribe.engines.ears import Ears
from callscribe.errors import ConfigurationError, EngineError
from callscribe.languages import LANGUAGES
from callscribe.wire.deepgram_query import ListenQuery, parse_query

MODEL: Final = "nova-3"
UTTERANCE_END_MS: Final = 1000
ENDPOINTING_MS: Final = 550
HEAD_START: Final = 0.2
"""Seconds that Deepgram has to end an utterance by itself before it is asked to."""
MOST_PATIENCES: Final = 1000
"""Sessions whose patience is kept at most."""

_NOVA: Final = (
    "ar be bg bn bs ca cs da de el en es et fa fi fr gu he hi hr hu hy id it ja ka kk kn ko lt lv "
    "mk mr ms ne nl no pa pl pt ro ru sk sl sr sv ta te th tl tr uk ur vi zh af"
)
LANGUAGES_OF_NOVA: Final = frozenset(_NOVA.split())
"""What Nova-3 was announced for by September 2026, without regions."""

_log = structlog.get_logger(__name__)


class DeepgramTranscriptionService:
    """Deepgram Nova-3 by persistent WebSockets, one for each leg.

    ``base_url`` is ``wss://…`` or ``ws://…``: Deepgram's own address, a region's, or a server that
    speaks its protocol. ``streams`` are open at once at most, 0 for no limit. ``monotonic`` is in
    seconds. With ``ears`` the end of speech is heard here too, and Deepgram asked for a final where
    it has not noticed.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "wss://api.deepgram.com",
        streams: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
        ears: bool = True,
    ) -> None:
        logs.ensure()
        # Only sockets are opened here, by ``transport.py``. Nothing is asked by HTTP: a client with
        # no way out need not read all certificates, as the SDK's own would.
        self._client = AsyncDeepgramClient(
            api_key=api_key,
            environment=environment(base_url),
            httpx_client=httpx.AsyncClient(transport=httpx.AsyncBaseTransport(), trust_env=False),
        )
        _make_headers_once(self._client)
        self._monotonic = monotonic
        self.budget = Budget("streams", streams)
        self._connections: set[DeepgramStreamingConnection] = set()
        self._with_ears = ears
        self._ears: Ears | None = None
        self._warm = False
        self._loading = asyncio.Lock()
        self._closed = False
        self._patience: dict[str, float] = {}
        """How long speech may go unanswered in sessions where a connection has heard none of it."""

    @property
    def name(self) -> str:
        """``deepgram``."""
        return "deepgram"

    @property
    def capabilities(self) -> Capabilities:
        """Streaming with interims; ``auto`` becomes Deepgram's ``multi``."""
        return Capabilities(True, True, LANGUAGES_OF_NOVA & LANGUAGES.keys(), auto_language=True)

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> DeepgramStreamingConnection:
        """Opens a leg: mono audio at ``sample_rate`` Hz in, results by ``on_transcript``.

        ``ConfigurationError`` for what Deepgram would refuse, ``UpstreamError`` for what it did
        refuse, with its own words and request id, ``CapacityError`` where all ``streams`` are taken
        and ``options.on_full`` does not say to wait.
        """
        self._check_open()
        options = options or StreamOptions()
        query = make_query(language, sample_rate, options)
        await self.warm()
        resources = AsyncExitStack()
        asked = arguments(query)
        try:
            # First in, last out: it is free again when the connection has ended, however that ends.
            await resources.enter_async_context(self.budget.slot(options.on_full))
            transport = await make_transport(
                lambda: self._client.listen.v1.connect(**asked), resources
            )
            await transport.open()
            self._check_open()  # it may have been closed meanwhile
        except BaseException:
            await resources.aclose()
            raise
        _log.info(
            "deepgram_connected",
            session=session_id,
            model=query.model,
            language=query.language,
            sample_rate=sample_rate,
            request_id=transport.request_id,
        )
        connection = DeepgramStreamingConnection(
            session_id,
            transport,
            ResultReader(language, self._monotonic),
            sample_rate,
            on_transcript,
            resources,
            self._monotonic,
            encoding=options.encoding,
            decode=query.encoding != options.encoding,
            patience=partial(self._patience_for, session_id, interims=bool(query.interim_results)),
        )
        if self._ears is not None:
            silence = (options.endpointing_ms or ENDPOINTING_MS) / 1000 + HEAD_START
            connection.listen_along(self._ears, silence)
        self._connections.add(connection)
        connection.on("error", lambda _: self._learn(connection))
        connection.on("close", lambda _: self._connections.discard(connection))
        return connection

    async def close(self) -> None:
        """Ends all connections, their last finals included. Idempotent."""
        self._closed = True
        await close_all(self._connections)
        if self._ears is not None:
            await asyncio.to_thread(self._ears.close)

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the Deepgram engine has been closed")

    def _patience_for(self, session_id: str, *, interims: bool) -> float:
        """How long speech may go unanswered on a session's next connection, in seconds."""
        # Without interims nothing comes before the end of what is said.
        return self._patience.get(session_id, watch.DEAF) if interims else watch.STALL

    def _learn(self, connection: DeepgramStreamingConnection) -> None:
        """Gives a session whose speech was not heard more time, so as not to connect for ever."""
        patience, session = connection.next_patience, connection.session_id
        if patience is None:
            return
        self._patience.pop(session, None)
        if patience > watch.DEAF:
            self._patience[session] = patience
        if len(self._patience) > MOST_PATIENCES:
            del self._patience[next(iter(self._patience))]

    async def warm(self) -> None:
        """Loads what connections need, in a thread, if that was not done."""
        async with self._loading:
            if not self._warm:
                wanted = self._with_ears and self._ears is None
                self._ears = await asyncio.to_thread(_load, with_ears=wanted) or self._ears
                self._warm = True


def _load(*, with_ears: bool) -> Ears | None:
    load_sdk()
    return Ears() if with_ears else None


def _make_headers_once(client: AsyncDeepgramClient) -> None:
    """Has the SDK keep its headers.

    It would look its own version up on disk for each connection: a third of what opening one costs.
    """
    wrapper = client._client_wrapper  # noqa: SLF001 - it has no other way to say so
    headers = wrapper.get_headers()
    wrapper.get_headers = lambda: dict(headers)  # type: ignore[method-assign]


async def close_all(connections: Iterable[StreamingConnection]) -> None:
    """Ends legs, all at once; one that fails is logged and keeps none of the others."""
    ends = [connection.close() for connection in connections]
    for error in await asyncio.gather(*ends, return_exceptions=True):
        if isinstance(error, Exception):
            _log.error("deepgram_close_failed", exc_info=error)


def make_query(language: str, sample_rate: int, options: StreamOptions) -> ListenQuery:
    """The options on the wire; ``ConfigurationError`` where Deepgram would refuse them."""
    wanted: dict[str, Any] = {
        "model": options.model or MODEL,
        "language": "multi" if language == "auto" else language,
        "encoding": options.encoding if options.pass_through else "linear16",
        "sample_rate": sample_rate,
        "channels": 1,
        "smart_format": True,
        "punctuate": True,
        "interim_results": options.interim_results,
        "vad_events": True,
        "keyterm": options.keyterms,
        "endpointing": options.endpointing_ms,
    }
    if options.interim_results:  # Deepgram refuses the one without the other
        wanted["utterance_end_ms"] = UTTERANCE_END_MS
    more = parse_query(options.query)
    if more.others:
        raise ConfigurationError(f"Deepgram has no option {more.others[0][0]!r}")
    for name, _ in options.query:
        wanted[name] = getattr(more, name)
    return ListenQuery(**wanted).check()


def arguments(query: ListenQuery) -> Mapping[str, Any]:
    """A query as the SDK's ``connect`` takes it: lists stay lists, booleans become text."""
    found: dict[str, Any] = {}
    for name, value in query.encode():
        if isinstance(getattr(query, name), tuple):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def environment(base_url: str) -> DeepgramClientEnvironment:
    """The SDK's addresses for a server; ``ConfigurationError`` for what is no address."""
    parts = urlsplit(base_url.rstrip("/"))
    secure = {"wss": True, "https": True, "ws": False, "http": False}.get(parts.scheme)
    if secure is None or not parts.hostname:
        raise ConfigurationError(
            f"DEEPGRAM_BASE_URL is {base_url!r}; it has to look like wss://api.deepgram.com"
        )
    rest = f"{parts.netloc}{parts.path}"
    socket, http = ("wss", "https") if secure else ("ws", "http")
    return DeepgramClientEnvironment(
        base=f"{http}://{rest}",
        production=f"{socket}://{rest}",
        agent=f"{socket}://{rest}",
        agent_rest=f"{http}://{rest}",
    )
