"""Requests that come at once begin one after another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from callscribe.settings import Settings
from callscribe.web.app import create_app
from callscribe.web.auth import Guard
from callscribe.web.turnstile import EACH, LONGEST, SHORT, Turnstile

pytestmark = pytest.mark.anyio


class Turns:
    """An application that notes in which turn of the loop each request begins."""

    def __init__(self) -> None:
        self.now = 0.0
        self.number = 0
        self.began: list[tuple[str, int]] = []
        self._turnstile = Turnstile(self._app, lambda: self.now)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        self.began.append((scope["path"], self.number))

    def ask(self, name: str, kind: str = "http") -> asyncio.Task[None]:
        async def receive() -> Message:
            raise AssertionError(name)

        async def send(_: Message) -> None:
            raise AssertionError(name)

        scope: dict[str, Any] = {"type": kind, "path": name}
        return asyncio.create_task(self._turnstile(scope, receive, send))

    async def pass_by(self, turns: int) -> list[str]:
        """Who begins in the next turns."""
        before = len(self.began)
        for _ in range(turns):
            self.number += 1
            await asyncio.sleep(0)
        return [name for name, _ in self.began[before:]]


async def test_who_comes_alone_begins_at_once() -> None:
    turns = Turns()
    for name in "abc":
        turns.ask(name)
        assert await turns.pass_by(1) == [name]
        await turns.pass_by(1)


async def test_of_many_at_once_one_begins_in_a_turn_in_their_order() -> None:
    turns = Turns()
    for name in "abcdefgh":
        turns.ask(name, "websocket")
    assert await turns.pass_by(1) == ["a"]
    await turns.pass_by(20)
    assert [name for name, _ in turns.began] == list("abcdefgh")
    began = [turn for _, turn in turns.began]
    assert len(set(began)) == len(began)
    turns.ask("i")
    assert await turns.pass_by(1) == ["i"]


async def test_the_longer_they_have_waited_the_more_begin_together() -> None:
    turns = Turns()
    for number in range(100):
        turns.ask(str(number))
    await turns.pass_by(4)
    counts = []
    for turns.now in (0.9, 1.0, 2.0, 3.0):
        await turns.pass_by(2)
        before = len(turns.began)
        await turns.pass_by(1)
        counts.append(len(turns.began) - before)
    assert counts == [1, 2, 5, 10]


async def test_behind_a_long_turn_none_of_many_begins_unless_the_first_has_waited() -> None:
    turns = Turns()
    many = int(LONGEST / EACH) + 10
    for number in range(many):
        turns.ask(str(number))
    assert await turns.pass_by(1) == ["0"]
    for _ in range(3):
        turns.now += 1.1 * SHORT
        assert await turns.pass_by(1) == []
    turns.now += 0.9 * SHORT
    assert await turns.pass_by(1) == []
    for began in (["1"], []):
        turns.now += 1.1 * SHORT
        assert await turns.pass_by(1) == began
    turns.now = LONGEST
    assert await turns.pass_by(1) == []
    turns.now += 1.1 * SHORT
    assert await turns.pass_by(1) == ["2", "3", "4"], "as many as have to after so long"


@pytest.mark.parametrize("few", [1, 2, 6])
async def test_few_wait_for_a_short_turn_for_a_moment_only(few: int) -> None:
    turns = Turns()
    for number in range(few + 1):
        turns.ask(str(number))
    assert await turns.pass_by(1) == ["0"]
    began: list[str] = []
    while turns.now < few * EACH + 2 * few * 1.1 * SHORT:
        turns.now += 1.1 * SHORT
        began += await turns.pass_by(1)
    assert began == [str(number) for number in range(1, few + 1)]


async def test_how_long_nobody_came_is_no_long_turn() -> None:
    turns = Turns()
    turns.ask("a")
    await turns.pass_by(3)
    turns.now = 100.0
    for name in "bc":
        turns.ask(name)
    assert await turns.pass_by(1) == ["b"]
    assert await turns.pass_by(2) == ["c"]


async def test_whoever_is_cancelled_takes_nobodys_turn() -> None:
    turns = Turns()
    tasks = [turns.ask(name) for name in "abcdef"]
    await turns.pass_by(1)
    for task in tasks[1:5]:
        task.cancel()
    await turns.pass_by(4)
    assert [name for name, _ in turns.began] == ["a", "f"]


async def test_whoever_watches_the_process_does_not_wait() -> None:
    turns = Turns()
    for name in ("a", "b", "c", "/healthz"):
        turns.ask(name)
    assert await turns.pass_by(1) == ["a", "/healthz"]


async def test_the_start_of_the_application_does_not_wait() -> None:
    turns = Turns()
    for name in "ab":
        turns.ask(name, "lifespan")
    assert await turns.pass_by(1) == ["a", "b"]


def test_whoever_is_refused_takes_nobodys_turn(tmp_path: Path) -> None:
    app = create_app(Settings.model_validate({"data_dir": tmp_path, "api_keys": "k"}))
    kinds: list[object] = [middleware.cls for middleware in app.user_middleware]
    assert kinds.index(Guard) < kinds.index(Turnstile)
