"""The agent: spans, times, growing utterances, real calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callscribe.agents.base import Call
from callscribe.agents.entities import EntitiesAgent
from callscribe.agents.entities.agent import FEW, LONGEST
from callscribe.transcript import Transcript, Utterance
from tests import speech
from tests.agents.working import InThreads, call, final, working

pytestmark = pytest.mark.anyio


async def found(text: str, told: Call | None = None, **changes: Any) -> list[tuple[str, str]]:
    findings = await EntitiesAgent().handle(final(text, **changes), told or call())
    return [(f.body["type"], f.body["value"]) for f in findings]


async def test_only_what_is_long_is_looked_through_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = InThreads(monkeypatch)
    short, long = "c'est 49 euros " * 5, "c'est 49 euros " * 20
    assert await found(short) == [("amount", "49.00")] * 5
    assert not threads.asked
    for words in (final(long).words, ()):
        assert await found(long, words=words) == [("amount", "49.00")] * 20
    assert await found("x" * FEW * LONGEST + " 49 euros", words=()) == [("amount", "49.00")]
    assert threads.asked == 3


async def test_an_entity_has_its_words_times_and_confidence() -> None:
    text = "c'est quarante-neuf euros quatre-vingt-dix par mois"
    (finding,) = await EntitiesAgent().handle(final(text, 5), call())
    assert (finding.kind, finding.utterance_ids) == ("entity", ("technician-5",))
    assert finding.body == {
        "type": "amount",
        "value": "49.90",
        "currency": "EUR",
        "heard": "quarante-neuf euros quatre-vingt-dix",
        "speaker": "technician",
        "start": 5.3,
        "end": 6.2,
        "confidence": 0.9,
        "first_word": 1,
        "last_word": 3,
    }


async def test_no_word_is_in_two_entities() -> None:
    text = "jean point 12 arobase exemple point fr et le numéro de série 06 12 34 56 78"
    assert await found(text) == [("email", "jean.12@exemple.fr"), ("phone", "+33612345678")]


async def test_dates_are_seen_from_the_call() -> None:
    assert await found("mardi prochain", at=1_796_040_000.0) == [("date", "2026-12-01")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mardi prochain", "2026-12-01"),
        ("Jean.Dupont@exemple.fr", "jean.dupont@exemple.fr"),
        ("jean point dupont arobase exemple point fr", "jean.dupont@exemple.fr"),
        ("quarante-neuf euros", "49.00"),
        ("cinquante centimes", "0.50"),
        ("zéro six douze trente-quatre cinquante-six soixante-dix-huit", "+33612345678"),
        ("A comme Anatole B douze trente-quatre", "AB1234"),
    ],
)
async def test_what_is_said_without_a_digit_is_found_too(text: str, value: str) -> None:
    assert [v for _, v in await found(text, at=1_796_040_000.0)] == [value]


async def test_what_may_still_grow_is_told_when_it_has() -> None:
    agent = EntitiesAgent()
    growing = [
        "ça fait quarante-neuf euros",
        "ça fait quarante-neuf euros quatre-vingt-dix",
        "ça fait quarante-neuf euros quatre-vingt-dix par mois et dix euros",
        "ça fait quarante-neuf euros quatre-vingt-dix par mois et dix euros de plus",
    ]
    async with working(agent) as work:
        await work.begin()
        for seq, text in enumerate(growing, 1):
            part = final(text, seq * 10, utterance_id="technician-1", speech_final=seq == 4)
            await work.store.append([part])
            work.runner.notice("call")
            await work.settled()
        assert work.results("entities") == [
            "technician-1:amount:49.90EUR:1",
            "technician-1:amount:10.00EUR:1",
        ]


async def test_the_same_said_twice_is_two() -> None:
    agent = EntitiesAgent()
    findings = await agent.handle(final("demain, oui demain"), call())
    assert len({finding.key for finding in findings}) == 2


async def test_a_number_that_was_asked_for_is_a_reference() -> None:
    said = Transcript("call")
    said.add(Utterance("agent-1", "agent", "Le numéro de série ?", 0.0, 0.9, (), 0.9))
    told = Call(session_id="call", language="fr", transcript=said)
    assert await found("Bien sûr, c'est le 42 17.", told) == [("reference", "4217")]
    assert await found("Bien sûr, c'est le 42 17.") == []


@pytest.mark.parametrize("language", ["de", "", None, "xx"])
async def test_in_other_languages_what_is_written_is_found(language: str | None) -> None:
    told = call("de")
    text = "hans@example.de +49 30 901820"
    expected = [("email", "hans@example.de"), ("phone", "+4930901820")]
    assert await found(text, told, language=language) == expected


async def test_what_leaked_or_is_empty_has_none() -> None:
    assert await found("demain", leak_of="agent-1") == []
    assert await found("") == []
    assert await found("demain", words=()) == [("date", "2026-12-01")]


async def test_an_utterance_without_end_is_read_in_parts() -> None:
    text = " ".join([*["bonjour"] * 1000, "06 12 34 56 78", *["9" * 5000] * 3])
    assert await found(text) == [("phone", "+33612345678")]


async def test_the_demo_calls_give_what_is_said_in_them() -> None:
    expected = {
        "fr": {
            ("reference", "4217"),
            ("phone", "+33639984527"),
            ("date", "2026-12-03"),
            ("date", "2025-03-14"),
            ("date", "2026-12-04"),
        },
        "en": {("reference", "4817"), ("date", "2025-03-14"), ("date", "2026-12-04")},
    }
    for language, entities in expected.items():
        said = Transcript("call")
        heard: set[tuple[str, str]] = set()
        for number, part in enumerate(speech.script(language), 1):
            told = Call(session_id="call", language=language, transcript=said)
            changes = {"speaker": part.speaker, "start": part.start, "language": language}
            heard.update(await found(part.text, told, **changes))
            said.add(Utterance(str(number), part.speaker, part.text, part.start, part.end, (), 0.9))
        assert heard == entities


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_calls_without_entities_give_few(language: str) -> None:
    truth = json.loads(speech.corpus("calls", language, "truth.json").read_text("utf-8"))
    texts = [turn["text"] for turn in truth["turns"]]
    assert [e for text in texts for e in await found(text, language=language)] == []
