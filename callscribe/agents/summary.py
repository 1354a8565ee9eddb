"""Summaries of a call by any OpenAI-compatible endpoint, as it goes on and at its end.

May import ``agents.base``, ``agents.prompt`` and core.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from callscribe.agents.base import Call, Finding
from callscribe.agents.prompt import Sentence, ask, read
from callscribe.errors import ConfigurationError, UpstreamError
from callscribe.events import FinalResult
from callscribe.transcript import Transcript

DEADLINE = 60.0
"""Seconds that a model may take."""

EVERY = 20
"""Utterances after which the summary is renewed …"""

SECONDS = 60.0
"""… or seconds, whichever comes first."""

REMEMBERED = 500
"""Calls whose summary so far is remembered; a call that is forgotten begins anew."""

LARGEST = 1_000_000
"""Bytes of an answer."""


@dataclass(slots=True)
class _SoFar:
    since: float
    """When the first utterance after the latest summary was spoken (UNIX s)."""
    utterances: int = 0
    """How many were spoken since."""
    sentences: list[Sentence] = field(default_factory=list)
    latest: int = 0
    """The latest final that was counted."""
    asked: int = 0
    """The final for which the latest summary was asked: it may be tried again."""


class SummaryAgent:
    """Says what a call is about, each sentence with the utterances that prove it."""

    name = "summary"

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        every: int = EVERY,
        seconds: float = SECONDS,
        deadline: float = DEADLINE,
    ) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                "CALLSCRIBE_SUMMARY_URL has to be an address such as http://127.0.0.1:11434/v1"
            )
        if not model:
            raise ConfigurationError(
                "CALLSCRIBE_SUMMARY_MODEL is not set: name a model that the endpoint has"
            )
        self._url = url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        self._model = model
        self._every = every
        self._seconds = seconds
        self.deadline = deadline
        self._calls: OrderedDict[str, _SoFar] = OrderedDict()
        self._json_mode = True
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(timeout=deadline, headers=headers)

    async def handle(self, final: FinalResult, call: Call) -> Sequence[Finding]:
        """A summary so far, when enough was said since the last one."""
        if not final.speech_final or not final.text or final.leak_of or final.revision:
            return []
        known = self._calls.setdefault(call.session_id, _SoFar(final.at))
        self._calls.move_to_end(call.session_id)
        while len(self._calls) > REMEMBERED:
            self._calls.popitem(last=False)
        if final.seq != known.latest:  # one that is tried again is not counted again
            known.utterances, known.latest = known.utterances + 1, final.seq
        if known.utterances >= self._every or final.at - known.since >= self._seconds:
            # Before it is asked: an endpoint that is away is not asked for every final.
            known.utterances, known.since, known.asked = 0, final.at, final.seq
        if known.asked != final.seq:
            return []
        return await self._summary(f"rolling:{final.seq}", call.transcript, known)

    async def finish(self, call: Call) -> Sequence[Finding]:
        """The summary of the whole call."""
        if not call.transcript.utterances:
            return []
        known = self._calls.get(call.session_id, _SoFar(0.0))
        finding = await self._summary("final", call.transcript, known)
        self._calls.pop(call.session_id, None)
        return finding

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        await self._client.aclose()

    async def _summary(self, key: str, transcript: Transcript, known: _SoFar) -> list[Finding]:
        question = ask(transcript.in_order, known.sentences)
        content = await self._complete(list(question.messages))
        try:
            sentences, dropped = read(content, question.ids)
        except (ValueError, RecursionError) as error:
            raise UpstreamError(
                "the model did not answer with the JSON that it was asked for: it is asked "
                "again; if that happens often, name another CALLSCRIBE_SUMMARY_MODEL",
                code="summary_unreadable",
                retryable=True,
            ) from error
        if not sentences:
            return []
        known.sentences = sentences
        body = {
            "final": key == "final",
            "model": self._model,
            "sentences": [sentence.to_dict() for sentence in sentences],
            "dropped": dropped,
            "through": transcript.utterances[-1].utterance_id,
        }
        cited = dict.fromkeys(i for s in sentences for i in s.utterance_ids)
        return [Finding(kind="summary", key=key, utterance_ids=tuple(cited), body=body)]

    async def _complete(self, messages: list[dict[str, str]]) -> str:
        request: dict[str, Any] = {"model": self._model, "messages": messages}
        if self._json_mode:
            answer = await self._post({**request, "response_format": {"type": "json_object"}})
            if answer.status_code not in (400, 422):
                return _content(answer)
            self._json_mode = False  # not every server has it; the prompt asks for JSON anyway
        return _content(await self._post(request))

    async def _post(self, request: dict[str, Any]) -> httpx.Response:
        try:
            async with self._client.stream("POST", self._url, json=request) as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > LARGEST:
                        raise UpstreamError("the answer has no end", code="summary_unreadable")
        except httpx.HTTPError as error:
            raise UpstreamError(
                f"the endpoint for summaries cannot be reached ({type(error).__name__}): "
                "is it running, and is CALLSCRIBE_SUMMARY_URL its address?",
                code="summary_unreachable",
                retryable=True,
            ) from error
        return httpx.Response(answer.status_code, content=body)


def _content(answer: httpx.Response) -> str:
    """What the model wrote."""
    status = answer.status_code
    if not answer.is_success:
        final = 400 <= status < 500 and status not in (408, 409, 425, 429)
        hint = "check CALLSCRIBE_SUMMARY_KEY, _MODEL and _URL" if final else "it is asked again"
        raise UpstreamError(
            f"the endpoint for summaries answered {status}: {hint}",
            code="summary_refused" if final else "summary_unavailable",
            retryable=not final,
        )
    try:
        content = answer.json()["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise UpstreamError(
            "the endpoint for summaries does not answer as OpenAI's chat completions do",
            code="summary_unreadable",
            retryable=True,
        ) from error
    return content if isinstance(content, str) else ""
