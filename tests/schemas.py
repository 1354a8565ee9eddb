"""Deepgram's schemas, and whether what our server sends at Deepgram's addresses keeps to them.

The official files are not ours to keep: they are read where ``CALLSCRIBE_PROTOCOL`` names a folder
with them. Everything is held against the types of the official SDK as well, which are made from the
same descriptions: some messages are newer than the files, and not every machine has these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema
import yaml
from deepgram import types as sdk
from deepgram.listen.v1 import types as sdk_listen
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests import protocol

OFFICIAL = {
    "Results": ("asyncapi.yml", "ListenV1_ListenV1Results"),
    "Metadata": ("asyncapi.yml", "ListenV1_ListenV1Metadata"),
    "SpeechStarted": ("asyncapi.yml", "ListenV1_ListenV1SpeechStarted"),
    "UtteranceEnd": ("asyncapi.yml", "ListenV1_ListenV1UtteranceEnd"),
    "recording": ("openapi.yml", "listen_v1_media_transcribe_Response_200"),
    "grant": ("openapi.yml", "GrantV1Response"),
    # ErrorResponse itself fits no object: of its three forms two take each, and one may only.
    "error": ("openapi.yml", "ErrorResponseLegacyError"),
}
"""File and name of each official schema."""

MESSAGES = {
    "Results": sdk_listen.ListenV1Results,
    "Metadata": sdk_listen.ListenV1Metadata,
    "SpeechStarted": sdk_listen.ListenV1SpeechStarted,
    "UtteranceEnd": sdk_listen.ListenV1UtteranceEnd,
    "Error": sdk_listen.ListenV1Error,
    "ConfigureSuccess": sdk_listen.ListenV1ConfigureSuccess,
    "ConfigureFailure": sdk_listen.ListenV1ConfigureFailure,
}
"""The SDK's type of each text frame."""

ANSWERS = {
    "recording": sdk.ListenV1Response,
    "grant": sdk.GrantV1Response,
    "error": sdk.ErrorResponseLegacyError,
}
"""The SDK's type of each body."""

ADDRESSES = "/v1/"


class Unfit(AssertionError):
    """What was sent is not what Deepgram would send."""


def check_frame(text: str) -> str:
    """A text frame from the server; gives its type. ``Unfit`` where it breaks the schema."""
    frame = _read(text)
    kind = frame.get("type") if isinstance(frame, dict) else None
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise Unfit(f"there is no message of the type {kind!r}")
    _check(kind, frame)
    return kind


def check_answer(path: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
    """An HTTP answer; gives what it is. ``Unfit`` where it breaks the schema."""
    content = _read(body)
    if not headers.get("dg-request-id"):
        raise Unfit(f"{path} answered without dg-request-id")
    if status >= 400:
        _check_error(headers, content)
        return "error"
    kind = {"/v1/listen": "recording", "/v1/auth/grant": "grant"}.get(path)
    if kind is None:
        return "unspecified"
    _check(kind, content)
    return kind


def _check_error(headers: Mapping[str, str], content: Any) -> None:
    _check("error", content)
    told = [content.get(name) for name in ("err_code", "err_msg", "request_id")]
    agree = told[2] == headers["dg-request-id"] and headers.get("dg-error")
    if not (agree and all(isinstance(each, str) for each in told)):
        raise Unfit(f"this error is not in Deepgram's form: {headers}, {content}")


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Unfit(f"not JSON: {text[:100]!r}") from None


def _check(kind: str, content: Any) -> None:
    for validator in _validators(kind):
        problem = jsonschema.exceptions.best_match(validator.iter_errors(content))
        if problem is not None:
            raise Unfit(f"{kind}: {problem.json_path}: {problem.message}")


@cache
def _validators(kind: str) -> list[Draft202012Validator]:
    schemas = [TypeAdapter((MESSAGES | ANSWERS)[kind]).json_schema()]
    if kind in OFFICIAL and protocol.FOLDER:
        file, name = OFFICIAL[kind]
        components = _file(file)["components"]
        schemas.append({"$ref": f"#/components/schemas/{name}", "components": components})
    return [Draft202012Validator(schema, format_checker=_formats()) for schema in schemas]


@cache
def _file(name: str) -> dict[str, Any]:
    text = (protocol.folder() / "specs" / name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is 20 times as fast
    return dict(yaml.load(text, loader))  # noqa: S506 - both are safe


@cache
def _formats() -> FormatChecker:
    checker = FormatChecker(["uuid"])

    @checker.checks("date-time", raises=ValueError)
    def _is_aware(value: object) -> bool:
        return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None

    return checker


class Watch:
    """ASGI middleware around a server: checks all that leaves it at Deepgram's addresses.

    ``seen`` counts what was checked, by its type; ``unfit`` are the faults that were found.
    """

    def __init__(self, app: ASGIApp, seen: Counter[str], unfit: list[str]) -> None:
        self._app = app
        self._seen = seen
        self._unfit = unfit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith(ADDRESSES):
            await self._app(scope, receive, send)
            return
        answer: dict[str, Any] = {"body": b""}
        # Not past this: what is sent by the frames themselves would not be seen here.
        scope = {**scope, "extensions": dict(scope.get("extensions") or {})}

        async def watched(message: Message) -> None:
            kind = message["type"].removeprefix("websocket.")
            if kind == "send":
                self._note(lambda: check_frame(message.get("text") or ""))
            elif kind == "http.response.start":
                answer.update(status=message["status"], headers=Headers(raw=message["headers"]))
            elif kind == "http.response.body":
                answer["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    self._note(lambda: check_answer(scope["path"], **answer))
            await send(message)

        await self._app(scope, receive, watched)

    def _note(self, check: Any) -> None:
        try:
            self._seen[check()] += 1
        except Unfit as fault:
            self._unfit.append(str(fault))
