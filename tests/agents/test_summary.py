"""Summaries, by a hand-made endpoint whose answers hang on what it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from callscribe.agents.summary import SummaryAgent
from callscribe.errors import ConfigurationError, UpstreamError
from callscribe.transcript import Transcript, Utterance
from tests.agents.receivers import Answer, Request, answering, receiving
from tests.agents.working import Scripted, call, final, words, working

pytestmark = pytest.mark.anyio

LINE = re.compile(r"^\[(\S+)\] (\w+): (.*)$", re.MULTILINE)


def quoting(request: Request) -> dict[str, Any]:
    """A model that quotes the last three utterances, each as a sentence proved by itself."""
    lines = LINE.findall(request.json["messages"][-1]["content"])
    return {
        "sentences": [
            {"text": f"{speaker} : {text}", "utterance_ids": [name]}
            for name, speaker, text in lines[-3:]
        ]
    }


def model(
    say: Callable[[Request], object] = quoting,
) -> Callable[[Request], Awaitable[Answer]]:
    """An endpoint that puts what is said into the form of chat completions."""

    async def answer(request: Request) -> Answer:
        said = say(request)
        content = said if isinstance(said, str) else json.dumps(said)
        return 200, json.dumps({"choices": [{"message": {"content": content}}]}).encode()

    return answer


def spoken(*texts: str) -> Transcript:
    transcript = Transcript("call")
    for number, text in enumerate(texts, 1):
        name = f"agent-{number}"
        transcript.add(
            Utterance(name, "agent", text, number, number + 1.0, words(text, number), 0.9)
        )
    return transcript


async def finish(url: str, transcript: Transcript, **options: Any) -> list[Any]:
    agent = SummaryAgent(url, "small", **options)
    try:
        told = call()
        return list(await agent.finish(type(told)(
            session_id="call", language="fr", transcript=transcript
        )))  # fmt: skip
    finally:
        await agent.close()


async def test_every_sentence_has_its_proof() -> None:
    async with receiving(model()) as receiver:
        (finding,) = await finish(receiver.url + "/v1/", spoken("un", "deux"), key="k3y")
    assert (finding.kind, finding.key) == ("summary", "final")
    assert finding.utterance_ids == ("agent-1", "agent-2")
    assert finding.body["sentences"] == [
        {"text": "agent : un", "utterance_ids": ["agent-1"]},
        {"text": "agent : deux", "utterance_ids": ["agent-2"]},
    ]
    assert (finding.body["final"], finding.body["through"]) == (True, "agent-2")
    (request,) = receiver.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k3y"
    assert request.json["model"] == "small"


async def test_sentences_without_good_proof_are_dropped() -> None:
    good = {"text": "bien", "utterance_ids": ["agent-1"]}
    bad = [
        {"text": "inventé", "utterance_ids": ["agent-9"]},
        {"text": "à moitié", "utterance_ids": ["agent-1", "agent-9"]},
        {"text": "sans preuve", "utterance_ids": []},
        {"text": "sans rien"},
        "une phrase",
    ]
    async with receiving(model(lambda _: {"sentences": [*bad, good]})) as receiver:
        (finding,) = await finish(receiver.url, spoken("un"))
    assert finding.body["sentences"] == [good]
    assert finding.body["dropped"] == len(bad)
    async with receiving(model(lambda _: {"sentences": bad})) as receiver:
        assert await finish(receiver.url, spoken("un")) == []


async def test_it_rolls_every_so_many_utterances_and_ends_with_a_final_one() -> None:
    async with (
        receiving(model()) as receiver,
        working(SummaryAgent(receiver.url, "small", every=3, seconds=1e9)) as work,
    ):
        for number in range(1, 8):
            await work.say(f"mot {number}")
            await work.settled()
        await work.end()
        await work.settled()
        told = [event for event in work.told if getattr(event, "kind", "") == "summary"]
    keys = work.results("summary")
    assert [key.split(":")[0] for key in keys] == ["rolling", "rolling", "final"]
    shown = [[s["text"][-1] for s in event.body["sentences"]] for event in told]  # type: ignore[attr-defined]
    assert shown == [["1", "2", "3"], ["4", "5", "6"], ["5", "6", "7"]]
    assert "The summary so far" not in receiver.requests[0].json["messages"][-1]["content"]
    assert "technicien" not in receiver.requests[0].json["messages"][-1]["content"]
    assert "The summary so far" in receiver.requests[1].json["messages"][-1]["content"]


async def test_it_rolls_after_a_minute() -> None:
    said = spoken("un")
    told = type(call())(session_id="call", language="fr", transcript=said)
    async with receiving(model()) as receiver:
        agent = SummaryAgent(receiver.url, "small", every=100, seconds=60)
        found = [
            len(await agent.handle(final("un", seq, at=1000.0 + at), told))
            for seq, at in enumerate([0, 30, 61, 70, 130], 1)
        ]
        await agent.close()
    assert found == [0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "changes",
    [{"speech_final": False}, {"text": "", "words": ()}, {"leak_of": "x"}, {"revision": 1}],
)
async def test_only_whole_new_utterances_count(changes: dict[str, Any]) -> None:
    async with receiving(model()) as receiver:
        agent = SummaryAgent(receiver.url, "small", every=1)
        told = type(call())(session_id="call", language="fr", transcript=spoken("un"))
        assert await agent.handle(final(**{"text": "un", **changes}), told) == []
        assert len(await agent.handle(final("un", 2), told)) == 1
        await agent.close()


async def test_a_request_is_bounded_however_long_the_call() -> None:
    async with receiving(model()) as receiver:
        (finding,) = await finish(receiver.url, spoken(*["bla " * 100] * 500, "fin"))
    (request,) = receiver.requests
    assert len(request.body) < 40_000
    assert "earlier utterances are left out" in request.json["messages"][-1]["content"]
    assert finding.body["through"] == "agent-501"


async def test_an_endpoint_without_json_mode_is_asked_without() -> None:
    async def plain(request: Request) -> Answer:
        if "response_format" in request.json:
            return 400, b'{"error": "unknown field"}'
        return await model(lambda r: f"```json\n{json.dumps(quoting(r))}\n```")(request)

    async with receiving(plain) as receiver:
        (finding,) = await finish(receiver.url, spoken("un"))
    assert finding.body["sentences"][0]["text"] == "agent : un"
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "said", ["Voici un résumé.", "[]", '{"sentences": 1}', "", '{"sentences":' + "[" * 50_000]
)
async def test_what_cannot_be_read_is_asked_again(said: str) -> None:
    answers = [said]
    async with (
        receiving(model(lambda r: answers.pop() if answers else quoting(r))) as r,
        working(SummaryAgent(r.url, "small", every=1)) as work,
    ):
        await work.say("un")
        await work.settled()
        assert work.results("summary") == ["rolling:2"]
    assert len(r.requests) == 2


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "summary_refused", False),
        (404, "summary_refused", False),
        (429, "summary_unavailable", True),
        (500, "summary_unavailable", True),
        (200, "summary_unreadable", True),
    ],
)
async def test_an_endpoint_that_refuses_or_fails_is_said(
    status: int, code: str, retryable: bool
) -> None:
    async with receiving(answering(status)) as receiver:
        with pytest.raises(UpstreamError) as caught:
            await finish(receiver.url, spoken("un"))
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


async def test_one_that_is_away_is_not_asked_for_every_final() -> None:
    other = Scripted("other")
    async with (
        receiving(answering(503)) as receiver,
        working(SummaryAgent(receiver.url, "small", every=3, seconds=1e9), other) as work,
    ):
        await work.say(*(f"mot {n}" for n in range(7)))
        await work.settled()
        assert len(work.store.buried) == 2
        assert len(work.results("other")) == 7


async def test_a_call_in_which_nothing_was_said_has_no_summary() -> None:
    async with receiving(model()) as receiver:
        assert await finish(receiver.url, Transcript("call")) == []
    assert receiver.requests == []


@pytest.mark.parametrize("url", ["", "localhost:11434/v1", "ftp://x", "http://["])
def test_a_wrong_address_is_said(url: str) -> None:
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_SUMMARY_URL"):
        SummaryAgent(url, "small")


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_SUMMARY_MODEL"):
        SummaryAgent("http://127.0.0.1/v1", "")
