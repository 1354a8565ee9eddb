"""Alerts: what is found, what is not, and once for each place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callscribe.agents.watchlist import WatchlistAgent, find, make_phrases, parse_watchlist
from callscribe.errors import ConfigurationError
from tests import speech
from tests.agents.working import InThreads, call, final, working

pytestmark = pytest.mark.anyio

USUAL = {
    "fr": """résilier;résiliation;remboursement;rembourser;avocat;réclamation;mécontent;fuite;
        fuite de gaz;monoxyde de carbone;chaudière;concurrent;mensuel;tribunal;huissier;plainte;
        danger;urgence;carte bancaire;mot de passe;numéro de carte;annuler;scandaleux;inadmissible;
        arnaque;garantie;délai;prélèvement;médiateur;service juridique""",
    "en": """cancel;cancellation;refund;lawyer;complaint;unhappy;leak;gas leak;carbon monoxide;
        boiler;competitor;court;danger;emergency;credit card;social security;card number;manager;
        supervisor;outrageous;scam;warranty;delay;chargeback;legal department;sue;breach;
        terminate;ripped off;unacceptable""",
}
"""What a call centre would look for."""


def heard(phrase: str, text: str) -> list[tuple[str, float]]:
    """The words in which a phrase is found, and how alike they are."""
    words = text.split()
    return [
        (" ".join(words[hit.first : hit.last + 1]), hit.score)
        for _, hits in find(make_phrases([phrase]), words)
        for hit in hits
    ]


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("chaudière", "la Chaudiere, fuit", ["Chaudiere,"]),
        ("chaudière", "la chaud ière fuit", ["chaud ière"]),
        ("chaud ière", "la CHAUDIÈRE fuit", ["CHAUDIÈRE"]),
        ("chaudière", "deux chaudières", ["chaudières"]),
        ("chaudière", "la chaudère est là", ["chaudère"]),
        ("l'eau chaude", "plus d'eau. L’eau chaude non plus", ["L’eau chaude"]),
        ("carte bleue", "ma carte bleu et ma cartebleue", ["carte bleu", "cartebleue"]),
        ("fuite de gaz", "une fuite de gaze ou fuites de gaz", ["fuite de gaze", "fuites de gaz"]),
        ("cœur", "le coeur", ["coeur"]),
        ("panne", "en panne, les pannes", ["panne,", "pannes"]),
        ("SAV", "appelez le s.a.v. vite", ["s.a.v."]),
    ],
)
def test_it_is_found_however_it_is_written(phrase: str, text: str, found: list[str]) -> None:
    assert [words for words, _ in heard(phrase, text)] == found


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("fuite", "tout de suite"),
        ("panne", "une canne et un panneau"),
        ("résilier", "réaliser et se rallier"),
        ("procès", "le progrès, auprès, près de"),
        ("avocat", "la vocation, à vocation"),
        ("court", "of course, the counter, your"),
        ("refund", "found, the fund, reform"),
        ("cancel", "the council, a canal"),
        ("sue", "issue, sure, such"),
        ("chaudière", "la chaussée, chaude hier"),
    ],
)
def test_what_only_resembles_it_is_not_found(phrase: str, text: str) -> None:
    assert heard(phrase, text) == []


def test_what_is_exact_scores_more() -> None:
    scores = [score for _, score in heard("chaudière", "chaudière chaudières chaudère")]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1.0
    assert scores[-1] < 0.95


def test_places_do_not_overlap() -> None:
    assert [words for words, _ in heard("bye bye", "bye bye bye bye bye")] == ["bye bye"] * 2


async def test_an_alert_names_phrase_score_times_and_confidence() -> None:
    said = final("bonjour la chaud ière fuit", 5)
    (alert,) = await WatchlistAgent(["chaudière"]).handle(said, call())
    assert (alert.kind, alert.utterance_ids) == ("alert", ("technician-5",))
    body = dict(alert.body)
    assert [word["text"] for word in body.pop("words")] == ["chaud", "ière"]
    assert body == {
        "phrase": "chaudière",
        "score": 1.0,
        "heard": "chaud ière",
        "speaker": "technician",
        "start": 5.6,
        "end": 6.2,
        "confidence": 0.9,
        "first_word": 2,
        "last_word": 3,
    }


async def test_one_place_is_told_once_as_its_utterance_grows() -> None:
    growing = ["la chaudière fuit", "la chaudière fuit oui la chaudière", "la chaudière"]
    agent = WatchlistAgent(["chaudière", "fuit"])
    async with working(agent) as work:
        await work.begin()
        for seq, text in enumerate(growing, 1):
            part = final(text, seq * 10, utterance_id="technician-1", speech_final=seq == 3)
            await work.store.append([part])
            work.runner.notice("call")
            await work.settled()
        assert work.results("watchlist") == [
            "technician-1:chaudiere:1",
            "technician-1:fuit:1",
            "technician-1:chaudiere:2",
        ]


async def test_what_leaked_from_the_other_leg_is_not_told_twice() -> None:
    agent = WatchlistAgent(["chaudière"])
    assert await agent.handle(final("la chaudière", leak_of="agent-1"), call()) == []
    assert await agent.handle(final(""), call()) == []


async def test_only_long_lists_and_finals_are_compared_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = InThreads(monkeypatch)
    few, many = (
        WatchlistAgent(["fuite"]),
        WatchlistAgent([*(f"mot{n}" for n in range(90)), "fuite"]),
    )
    said = final("une fuite de gaz")
    (one,) = await few.handle(said, call())
    assert not threads.asked
    assert await many.handle(said, call()) == [one]
    assert threads.asked == 1
    for words in (final("une fuite de gaz " * 30).words, ()):
        assert len(await few.handle(final("une fuite de gaz " * 30, words=words), call())) == 30
    assert threads.asked == 3


async def test_a_final_without_words_is_searched_by_its_text() -> None:
    (alert,) = await WatchlistAgent(["fuit"]).handle(final("elle fuit", 3, words=()), call())
    assert (alert.body["heard"], alert.body["start"], alert.body["end"]) == ("fuit", 3.0, 3.6)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_the_usual_phrases_alarm_nobody_in_calls_without_them(language: str) -> None:
    truth = json.loads(speech.corpus("calls", language, "truth.json").read_text("utf-8"))
    agent = WatchlistAgent(parse_watchlist(USUAL[language]))
    texts = [turn["text"] for turn in truth["turns"]]
    alerts = [a for text in texts for a in await agent.handle(final(text), call())]
    assert [(alert.body["phrase"], alert.body["heard"]) for alert in alerts] == []
    assert len(texts) > 20


@pytest.mark.parametrize(("language", "expected"), [("fr", ["garantie.", "garantie"]), ("en", [])])
async def test_the_demo_calls_raise_what_is_said_in_them(
    language: str, expected: list[str]
) -> None:
    agent = WatchlistAgent(parse_watchlist(USUAL[language]))
    alerts = [
        alert
        for said in speech.script(language)
        for alert in await agent.handle(final(said.text), call())
    ]
    assert [alert.body["heard"] for alert in alerts] == expected


def test_phrases_stand_in_the_setting_or_in_a_file(tmp_path: Path) -> None:
    assert parse_watchlist(" fuite de  gaz;; résilier ;résilier") == ("fuite de gaz", "résilier")
    assert parse_watchlist("mot") == ("mot",)
    assert parse_watchlist("pompe à chaleur air/eau") == ("pompe à chaleur air/eau",)
    path = tmp_path / "phrases.txt"
    path.write_text("# nos mots\nfuite de gaz\n\n  résilier\n", encoding="utf-8")
    assert parse_watchlist(str(path)) == ("fuite de gaz", "résilier")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xe9"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "phrases.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="CALLSCRIBE_WATCHLIST"):
        parse_watchlist(str(path))


def test_phrases_without_letters_are_left_out() -> None:
    assert make_phrases(["…", "?"]) == ()
