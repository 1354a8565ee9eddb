"""What every store keeps to, in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace as altered
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from msgspec.structs import replace

from callscribe import events
from callscribe.errors import EventRefused, StoreError
from callscribe.events import Event, parse_event
from callscribe.store import create_store
from callscribe.store.base import DeadLetter, Store
from callscribe.store.folding import words
from callscribe.transcript import Gap, Transcript
from tests.happenings import (
    AT,
    ended,
    final,
    gap,
    interrupted,
    leg,
    leg_end,
    repaired,
    result,
    started,
    swap,
)

pytestmark = pytest.mark.anyio

FEW = how(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.text(min_size=1, max_size=20)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'calls.db'}"
    return str(request.getfixturevalue("postgres"))


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    made = await create_store(address)
    yield made
    await made.close()


async def texts(store: Store, session_id: str = "call") -> list[str]:
    return [u.text for u in (await store.transcript(session_id)).utterances]


async def found(store: Store, search: str) -> list[str]:
    return [call.session_id for call in await store.calls(search=search)]


async def state(store: Store) -> str:
    call = await store.call("call")
    assert call is not None
    return call.state


async def test_it_satisfies_the_protocol(store: Store) -> None:
    assert isinstance(store, Store)


async def test_nothing_is_there_at_first(store: Store) -> None:
    assert await store.call("call") is None
    assert await store.calls() == []
    assert await store.events("call") == []
    assert await store.transcript("call") == Transcript("call")
    assert await store.revisions("call", "agent-1") == []
    assert await store.gaps("call") == []
    assert await store.results("call") == []
    assert await store.letters() == []
    assert await store.cursor("a", "call") == 0
    assert await store.behind("a") == []
    await store.append([])


async def test_a_call_from_its_first_event_to_its_last(store: Store) -> None:
    await store.append([started(), leg(2)])
    await store.append([leg(3, "technician", offset=0.25, encoding="mulaw", model="small")])
    await store.append([final(4, "Bonjour."), final(5, "Oui ?", speaker="technician")])
    call = await store.call("call")
    assert call is not None
    assert (call.state, call.started_at, call.ended_at) == ("running", AT, None)
    assert (call.last_seq, call.last_at) == (5, AT + 5)
    assert (call.engine, call.config) == ("whisper", {"language": "fr"})
    assert (call.utterances, call.duration, call.matches) == (2, 5.5, ())
    assert [(leg.speaker, leg.offset, leg.seconds) for leg in call.legs] == [
        ("agent", 0.5, None),
        ("technician", 0.25, None),
    ]
    assert [(leg.encoding, leg.model) for leg in call.legs] == [
        ("linear16", "base"),
        ("mulaw", "small"),
    ]
    await store.append([leg_end(6, seconds=9.5), ended(7)])
    call = await store.call("call")
    assert call is not None
    assert (call.state, call.ended_at, call.last_seq) == ("ended", AT + 7, 7)
    assert [leg.seconds for leg in call.legs] == [9.5, None]


async def test_what_was_said_comes_back_whole_and_in_order(store: Store) -> None:
    late = final(3, "C'est tard.", start=8.0, end=9.0)
    early = final(4, "C'est tôt.", start=1.0, end=2.0, speaker="technician", language=None)
    await store.append([started(), late, early])
    transcript = await store.transcript("call")
    assert [u.text for u in transcript.utterances] == ["C'est tôt.", "C'est tard."]
    assert transcript.speakers == ["technician", "agent"]
    said = transcript.utterances[1]
    assert (said.utterance_id, said.start, said.end) == ("agent-3", 8.0, 9.0)
    assert (said.confidence, said.language) == (0.9, "fr")
    assert said.words == late.words
    assert transcript.utterances[0].language is None


async def test_the_events_come_back_as_they_were(store: Store) -> None:
    given = [started(), leg(2), final(3, "Ça va ?"), gap(4), swap(5, "a", "b"), result(6, x=1)]
    await store.append(given)
    assert await store.events("call") == [json.loads(event.to_json()) for event in given]
    assert [event["seq"] for event in await store.events("call", since=2, limit=3)] == [3, 4, 5]
    assert await store.events("call", since=6) == []
    assert await store.events("other") == []


async def test_the_same_events_again_change_nothing(store: Store) -> None:
    given: list[Event] = [started(), leg(2), final(3, "Un."), gap(4), swap(5, "agent", "x")]
    given += [result(6), final(7, "Deux."), ended(8)]
    await store.append(given[:4])
    before = None
    for some in (given, given, given[2:5], [*given[5:], *given[:5]], given + given):
        await store.append(some)
        now = (
            await store.call("call"),
            await store.events("call"),
            await store.transcript("call"),
            await store.gaps("call"),
            await store.results("call"),
        )
        assert before is None or now == before
        before = now
    assert [u.speaker for u in (await store.transcript("call")).utterances] == ["x", "agent"]


async def test_an_utterance_grows_final_by_final(store: Store) -> None:
    def grown(seq: int, text: str, *, speech_final: bool) -> Event:
        return final(seq, text, "agent-1", speech_final=speech_final, start=1.0)

    await store.append([started(), grown(2, "Un", speech_final=False)])
    await store.append([grown(3, "Un deux", speech_final=False)])
    assert await store.revisions("call", "agent-1") == []
    await store.append([grown(4, "Un deux", speech_final=False), grown(5, "Tout.", speech_final=1)])
    assert await texts(store) == ["Tout."]
    assert [final["seq"] for final in await store.revisions("call", "agent-1")] == [5]


async def test_a_late_retry_does_not_undo_what_came_after(store: Store) -> None:
    await store.append([started(), final(5, "Neu.", "agent-1")])
    for late in (final(3, "Alt.", "agent-1"), final(4, "", "agent-1")):
        await store.append([late])
        assert await texts(store) == ["Neu."]
    await store.append([final(7, "Danach.", speaker="b")])
    await store.append([swap(6, "agent", "b")])
    assert [u.speaker for u in (await store.transcript("call")).utterances] == ["b", "b"]
    call = await store.call("call")
    assert call is not None
    assert call.last_seq == 7


async def test_an_event_that_cannot_be_kept_is_told_from_a_store_that_cannot(store: Store) -> None:
    await store.append([started()])
    large = events.Notice(session_id="call", seq=2**70, at=1.0, code="c", message="a secret word")
    with pytest.raises(EventRefused) as raised:
        await store.append([large])
    assert "secret" not in str(raised.value)
    assert [event["seq"] for event in await store.events("call")] == [1]


@pytest.mark.parametrize("together", [True, False])
async def test_revisions_keep_what_they_replace(store: Store, together: bool) -> None:
    given: list[Event] = [
        started(),
        final(2, "Bon jour.", "agent-1", speech_final=False),
        final(3, "Bon jour !", "agent-1"),
        final(4, "Bonjour !", "agent-1", revision=1),
        final(5, "Bonsoir !", "agent-1", revision=2),
        final(6, "Autre.", "agent-2"),
    ]
    for some in [given] if together else [[event] for event in given]:
        await store.append(some)
    assert await texts(store) == ["Bonsoir !", "Autre."]
    versions = await store.revisions("call", "agent-1")
    assert [(v["text"], v["revision"]) for v in versions] == [
        ("Bon jour !", 0),
        ("Bonjour !", 1),
        ("Bonsoir !", 2),
    ]
    assert versions[0]["words"][0]["text"] == "Bon"
    await store.append([final(7, "", "agent-1", revision=3), swap(8, "agent", "technician")])
    assert await texts(store) == ["Autre."]
    versions = await store.revisions("call", "agent-1")
    assert [v["text"] for v in versions] == ["Bon jour !", "Bonjour !", "Bonsoir !", ""]
    assert {v["speaker"] for v in versions} == {"technician"}
    assert await found(store, "bonjour") == []
    assert await found(store, "autre") == ["call"]


async def test_only_closed_versions_count(store: Store) -> None:
    await store.append([started(), final(2, "Bon", "agent-1", speech_final=False)])
    await store.append([final(3, "Bonjour.", "agent-1", revision=1)])
    assert [version["seq"] for version in await store.revisions("call", "agent-1")] == [3]


@pytest.mark.parametrize("together", [True, False])
async def test_an_empty_final_takes_back(store: Store, together: bool) -> None:
    given: list[Event] = [started(), final(2, "Hm.", "agent-1"), final(3, " ", "agent-1")]
    given += [final(4, "Oui.", "agent-2"), final(5, "", "agent-3"), final(6, "Non.", "agent-3")]
    for some in [given] if together else [[event] for event in given]:
        await store.append(some)
    assert await texts(store) == ["Oui.", "Non."]
    assert await found(store, "hm") == []


async def test_what_leaked_from_another_leg_is_kept_and_shown_once(store: Store) -> None:
    leaked = final(4, "Bonjour.", "technician-1", speaker="technician", leak_of="agent-3", end=99.0)
    await store.append([started(), final(3, "Bonjour."), leaked])
    assert await texts(store) == ["Bonjour."]
    assert [event["leak_of"] for event in await store.events("call", since=2)] == ["", "agent-3"]
    (call,) = await store.calls(search="bonjour")
    assert [match.utterance_id for match in call.matches] == ["agent-3"]
    assert (call.utterances, call.duration) == (1, 3.5)
    # A second look may find that it was no leak after all.
    await store.append([replace(leaked, seq=5, revision=1, leak_of="")])
    assert await texts(store) == ["Bonjour.", "Bonjour."]


async def test_a_server_that_died_and_came_back(store: Store) -> None:
    await store.append([started(), leg(2), interrupted(3)])
    assert await state(store) == "interrupted"
    assert [c.session_id for c in await store.calls(states=["interrupted"])] == ["call"]
    assert await store.calls(states=["running", "ended"]) == []
    await store.append([leg(4), leg_end(5, seconds=4.0)])
    assert await state(store) == "running"
    call = await store.call("call")
    assert call is not None
    assert [leg.seconds for leg in call.legs] == [None, 4.0]  # the first one was cut off


async def test_speakers_exchange_names(store: Store) -> None:
    await store.append([started(), leg(2, "a"), leg(3, "b"), final(4, "Un.", speaker="a"), gap(5)])
    # In one batch: before and after must be told apart.
    await store.append([gap(6, "b", 3.0), swap(7, "a", "b"), final(8, "Deux.", speaker="a")])
    assert [u.speaker for u in (await store.transcript("call")).utterances] == ["b", "a"]
    assert (await store.transcript("call")).utterances[0].utterance_id == "agent-4"
    assert [g.speaker for g in await store.gaps("call")] == ["agent", "a"]
    call = await store.call("call")
    assert call is not None
    assert [leg.speaker for leg in call.legs] == ["b", "a"]
    await store.append([swap(9, "a", "b"), swap(10, "only one")])
    assert [u.speaker for u in (await store.transcript("call")).utterances] == ["a", "b"]


async def test_gaps_in_order(store: Store) -> None:
    await store.append([started(), gap(2, start=5.0), gap(3, "technician", start=1.0)])
    assert await store.gaps("call") == [
        Gap(speaker="technician", start=1.0, end=2.0, reason="lost", seq=3),
        Gap(speaker="agent", start=5.0, end=6.0, reason="lost", seq=2),
    ]
    assert (await store.transcript("call")).gaps == await store.gaps("call")


async def test_a_gap_that_was_repaired_is_none_any_more(store: Store) -> None:
    await store.append([started(), gap(2, start=5.0), gap(3, start=9.0)])
    await store.append([final(4, "Deux.", start=12.0), final(5, "Un.", start=5.2, repairs=2)])
    given = [repaired(6, of_seq=2), gap(7, start=20.0), repaired(8, of_seq=7)]  # in one batch
    await store.append(given)
    await store.append(given)  # once more changes nothing
    said = await store.transcript("call")
    assert [u.text for u in said.utterances] == ["Un.", "Deux."]
    assert [g.seq for g in said.gaps] == [g.seq for g in await store.gaps("call")] == [3]
    assert [event["type"] for event in await store.events("call", since=5)] == [
        "gap_repaired",
        "gap",
        "gap_repaired",
    ]
    assert (await store.events("call", since=4))[0]["repairs"] == 2
    await store.append([started("other"), repaired(3, of_seq=3, session_id="other")])
    assert len(await store.gaps("call")) == 1


async def test_a_result_is_kept_once_for_each_key(store: Store) -> None:
    long = "k" * 20_000
    await store.append([started(), result(2, "one", said="é"), result(3, "one", said="again")])
    await store.append([result(4, "one"), result(5, "one", agent="other"), result(6, long)])
    kept = await store.results("call")
    assert [(r.agent, r.key) for r in kept] == [
        ("watchlist", "one"),
        ("other", "one"),
        ("watchlist", long),
    ]
    assert (kept[0].kind, kept[0].utterance_ids, kept[0].body) == (
        "alert",
        ("agent-3",),
        {"said": "é"},
    )
    assert kept[0].at == AT + 2


async def test_results_name_a_speaker_as_he_is_called_now(store: Store) -> None:
    def found(seq: int, *utterances: str, **body: Any) -> Event:
        return replace(result(seq, str(seq), **body), utterance_ids=utterances)

    await store.append([started(), final(2, "Un.", "a-1", speaker="a")])
    await store.append([final(3, "Zwei.", "b-1", speaker="b"), final(4, "", "a-2", speaker="a")])
    await store.append([found(5, "a-1", speaker="a", said="Un"), found(6, "b-1", said="Zwei")])
    await store.append([found(7, "a-1", "b-1", speaker="a"), found(8, "a-2", speaker="a")])
    await store.append([swap(9, "a", "b"), found(10, "a-1", speaker="a")])
    assert [dict(kept.body) for kept in await store.results("call")] == [
        {"speaker": "b", "said": "Un"},
        {"said": "Zwei"},
        {"speaker": "a"},  # two have said it
        {"speaker": "a"},  # it was taken back
        {"speaker": "b"},  # told a moment after the names were exchanged
    ]


async def test_calls_are_listed_latest_first(store: Store) -> None:
    for number in range(5):
        await store.append([started(f"call-{number}", at=AT + number)])
    assert [c.session_id for c in await store.calls(limit=2)] == ["call-4", "call-3"]
    older = await store.calls(before=AT + 3, limit=2)
    assert [c.session_id for c in older] == ["call-2", "call-1"]
    assert await store.calls(before=AT) == []


async def test_how_much_of_a_call_was_heard_is_in_the_list(store: Store) -> None:
    await store.append([started("whole", at=AT), started()])
    await store.append([leg(2), leg_end(3, seconds=8.0), gap(4, start=1.0)])
    await store.append([gap(5, start=4.0), repaired(6, of_seq=5)])
    found = {call.session_id: call.coverage for call in await store.calls()}
    assert found == {"call": 87.5, "whole": 100.0}
    one = await store.call("call")
    assert one is not None
    assert one.coverage == 87.5


async def test_one_batch_of_many_sessions(store: Store) -> None:
    ids = [f"call-{number}" for number in range(50)]
    await store.append([started(session_id) for session_id in ids])
    batch = [final(seq, f"Mot {seq}.", session_id=i) for seq in range(2, 8) for i in reversed(ids)]
    await store.append(batch)
    for session_id in ids:
        assert len(await texts(store, session_id)) == 6
    assert len(await store.calls(search="mot", limit=100)) == 50


async def test_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    await store.append([started()])
    wrong = final(3, "Zwei.", revision=2**70)  # no database has such numbers
    with pytest.raises(StoreError) as raised:
        await store.append([final(2, "Eins."), wrong, started("other")])
    assert not raised.value.retryable
    assert await texts(store) == []
    assert [event["seq"] for event in await store.events("call")] == [1]
    assert await store.call("other") is None
    await store.append([final(2, "Eins.")])
    assert await texts(store) == ["Eins."]


async def test_search_is_by_words_and_their_beginnings(store: Store) -> None:
    await store.append([started("one"), final(2, "L'été, au cœur de Genève", session_id="one")])
    await store.append([started("two", at=AT + 1), final(2, "Rendez-vous", session_id="two")])
    await store.append([final(3, "à Genève en mai 2024", session_id="two"), started("three")])
    assert await found(store, "GENEVE") == ["two", "one"]
    assert await found(store, "gen") == ["two", "one"]
    assert await found(store, "ève") == []
    assert await found(store, "coeur ete") == ["one"]
    assert await found(store, "l’été") == ["one"]
    assert await found(store, "vous genève") == []  # each is there, but not in one utterance
    assert await found(store, "rendez-vous") == ["two"]
    assert await found(store, "202") == ["two"]
    (call,) = await store.calls(search="mai")
    assert [(m.utterance_id, m.start, m.text) for m in call.matches] == [
        ("agent-3", 3.0, "à Genève en mai 2024")
    ]
    # Without a letter or a digit nothing is searched for.
    assert len(await found(store, '"*:()')) == 3
    assert len(await found(store, "  ")) == 3


async def test_search_follows_what_changes(store: Store) -> None:
    await store.append([started(), final(2, "Montag", "agent-1")])
    await store.append([final(3, "Dienstag", "agent-1", revision=1)])
    assert (await found(store, "montag"), await found(store, "dienstag")) == ([], ["call"])
    await store.delete("call")
    assert await found(store, "dienstag") == []
    await store.append([started(seq=1), final(2, "Freitag", "agent-1")])
    assert (await found(store, "dienstag"), await found(store, "freitag")) == ([], ["call"])


async def test_matches_are_bounded(store: Store) -> None:
    await store.append([started(), *(final(seq, "oui") for seq in range(2, 40))])
    (call,) = await store.calls(search="oui")
    assert [match.start for match in call.matches] == [float(seq) for seq in range(2, 22)]


@pytest.mark.parametrize(
    "search",
    [
        '"', '""', "*", "oui*", "oui OR non", "NOT oui", "NEAR(oui non)", "folded:oui", "^oui",
        "oui'; DROP TABLE calls; --", "oui & !non", "oui:*", "a <-> b", "\\", "oui\\", "{oui}",
        "oui\x00", "%", "_", "' OR ''='", ":query", "$1", "-oui", "+oui", "(", "oui)", "\ud800",
    ],
)  # fmt: skip
async def test_a_query_is_never_syntax(store: Store, search: str) -> None:
    await store.append([started(), final(2, "oui ou non")])
    expected = all("oui ou non".startswith(w) or f" {w}" in " oui ou non" for w in words(search))
    assert await found(store, search) == (["call"] if expected else [])


@FEW
@given(text=st.text(max_size=60), search=st.text(max_size=30))
async def test_any_text_finds_what_begins_its_words(store: Store, text: str, search: str) -> None:
    await store.delete("call")
    await store.append([started(), final(2, text)])
    for wanted in (search, text, text[: len(text) // 2]):
        asked = words(wanted)
        hit = all(any(word.startswith(w) for word in words(text)) for w in asked)
        there = hit and bool(text.strip())
        assert await found(store, wanted) == (["call"] if there or not asked else [])


@FEW
@given(data=st.data())
async def test_any_names_and_texts_come_back(store: Store, data: st.DataObject) -> None:
    session_id, speaker, utterance_id = (data.draw(NAMES) for _ in range(3))
    text = data.draw(st.text(min_size=1, max_size=40))
    body = data.draw(st.dictionaries(NAMES, st.text() | st.integers() | st.none(), max_size=3))
    say = final(2, text, utterance_id, session_id, speaker=speaker)
    found = replace(result(3, text, speaker, body=body), session_id=session_id)
    await store.append([started(session_id), say, found])
    try:
        kept = await store.events(session_id)
        assert [parse_event(event) for event in kept[1:]] == [say, found]
        said = (await store.transcript(session_id)).utterances
        if text.strip():
            assert (said[0].utterance_id, said[0].speaker, said[0].text) == (
                utterance_id,
                speaker,
                text,
            )
        (result_,) = await store.results(session_id)
        assert (result_.agent, result_.key, result_.body) == (speaker, text, {"body": body})
        await store.advance(speaker, session_id, 2)
        assert await store.cursor(speaker, session_id) == 2
    finally:
        assert await store.delete(session_id)


async def test_a_deleted_call_is_gone_and_stays_so(store: Store) -> None:
    given = [started(), leg(2), final(3, "Un."), gap(4), result(5), final(6, "Deux.", revision=1)]
    await store.append([*given, started("other"), final(2, "Reste.", session_id="other")])
    await store.advance("a", "call", 3)
    await store.bury(letter("one"))
    assert await store.delete("call")
    assert not await store.delete("call")
    await store.append([final(7, "Spät."), leg(8), ended(9), gap(10), result(11)])
    await store.advance("a", "call", 7)
    await store.bury(letter("two"))
    assert await store.call("call") is None
    assert await store.events("call") == []
    assert await texts(store) == []
    assert await store.revisions("call", "agent-6") == []
    assert await store.gaps("call") == []
    assert await store.results("call") == []
    assert await store.cursor("a", "call") == 0
    assert await store.letters() == []
    assert [c.session_id for c in await store.calls()] == ["other"]
    assert await texts(store, "other") == ["Reste."]


async def test_cursors_go_forward_only(store: Store) -> None:
    await store.append([started(), final(2, "Un."), final(5, "Deux."), ended(9)])
    await store.append([started("new", at=AT + 9), started("old", at=AT - 9)])
    await store.append([final(2, "Trois.", session_id="old"), final(2, "X.", session_id="new")])
    assert await store.behind("a") == ["old", "call", "new"]
    await store.advance("a", "call", 4)
    await store.advance("a", "call", 2)
    await store.advance("a", "old", 2)
    assert await store.cursor("a", "call") == 4
    assert await store.behind("a") == ["call", "new"]
    await store.advance("a", "call", 5)
    assert await store.behind("a") == ["call", "new"], "it has not seen the end"
    await store.advance("a", "call", 9)
    assert await store.behind("a") == ["new"]
    assert await store.behind("b") == ["old", "call", "new"]


async def test_many_cursors_go_forward_at_once_and_those_of_no_call_nowhere(store: Store) -> None:
    await store.append([started(), final(2, "Un."), started("other"), started("gone")])
    assert await store.delete("gone")
    await store.advance("a", "call", 5)
    done = {("a", "call"): 3, ("b", "call"): 2, ("a", "other"): 9}
    assert set(await store.advance_all({**done, ("a", "gone"): 7, ("b", "gone"): 1})) == {"gone"}
    cursors = [await store.cursor(*place) for place in [*done, ("a", "gone")]]
    assert cursors == [5, 2, 9, 0]
    assert set(await store.advance_all({("a", "gone"): 8})) == {"gone"}
    assert set(await store.advance_all({})) == set()
    await store.append([started("gone"), final(2, "Neu.", session_id="gone")])
    assert await store.cursor("a", "gone") == 0
    many = {(f"agent {n % 3}", name): n for name in ("other", "call") for n in range(900)}
    assert not await store.advance_all(many)
    assert [await store.cursor(f"agent {n}", "call") for n in range(3)] == [897, 898, 899]


def letter(letter_id: str, agent: str = "a", at: float = AT) -> DeadLetter:
    return DeadLetter(
        letter_id=letter_id,
        agent=agent,
        session_id="call",
        seq=3,
        error="it did not answer",
        attempts=5,
        at=at,
    )


async def test_dead_letters(store: Store) -> None:
    await store.append([started()])
    one, two, other = letter("one", at=AT + 1), letter("two"), letter("three", "b", AT + 2)
    for each in (one, two, other):
        await store.bury(each)
    assert await store.letters() == [two, one, other]
    assert await store.letters("a") == [two, one]
    assert await store.letters(letter_id="three") == [other]
    assert await store.letters("a", "three") == []
    again = altered(one, attempts=9, error="still not")
    await store.bury(again)
    assert await store.letters(letter_id="one") == [again]
    assert await store.drop_letter("one")
    assert not await store.drop_letter("one")
    assert await store.letters() == [two, other]


async def test_what_is_not_durable_is_not_kept(store: Store) -> None:
    interim = events.InterimResult(
        session_id="call", seq=2, at=AT, speaker="a", utterance_id="a-1", text="Un", start=0, end=1
    )
    await store.append([started(), interim])
    assert [event["seq"] for event in await store.events("call")] == [1]


async def test_nonsense_numbers_hold_up_nobody(store: Store) -> None:
    nan = float("nan")
    await store.append([started(), final(2, "Un.", start=nan, end=float("inf"), confidence=nan)])
    (said,) = (await store.transcript("call")).utterances
    assert (said.text, said.start, said.end, said.confidence) == ("Un.", 0.0, 0.0, 0.0)


async def test_many_at_once(store: Store) -> None:
    ids = [f"call-{number}" for number in range(12)]

    async def speak(session_id: str) -> None:
        await store.append([started(session_id)])
        for seq in range(2, 12):
            await store.append([final(seq, f"Mot {seq}.", session_id=session_id)])
            assert len(await texts(store, session_id)) == seq - 1

    async with asyncio.TaskGroup() as tasks:
        for session_id in ids:
            tasks.create_task(speak(session_id))
    assert sorted(await found(store, "mot")) == sorted(ids)


async def test_the_same_call_from_two_sides(store: Store, address: str) -> None:
    other = await create_store(address)
    try:
        batches = [[started(), leg(2)], *([final(seq, f"Mot {seq}.")] for seq in range(3, 20))]
        async with asyncio.TaskGroup() as tasks:
            for side in (store, other):
                tasks.create_task(_in_turn(side, batches))
        assert [e["seq"] for e in await other.events("call")] == list(range(1, 20))
        assert len(await texts(other)) == 17
        call = await other.call("call")
        assert call is not None
        assert len(call.legs) == 1
    finally:
        await other.close()


async def _in_turn(store: Store, batches: list[list[Event]]) -> None:
    for batch in batches:
        await store.append(batch)


async def test_an_append_that_is_given_up_leaves_the_store_usable(store: Store) -> None:
    await store.append([started()])
    for seq in range(2, 30):
        task = asyncio.create_task(store.append([final(seq, "x"), gap(seq + 100)]))
        for _ in range(seq % 14):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        kept = {event["seq"] for event in await store.events("call")}
        assert (seq in kept) == (seq + 100 in kept)
    await store.append([final(1000, "Après.")])
    assert (await texts(store))[-1] == "Après."


async def test_a_store_outlives_its_process(store: Store, address: str) -> None:
    await store.append([started(), final(2, "Bleibt.")])
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.calls()
    with pytest.raises(StoreError, match="closed"):
        await store.append([final(3, "Zu spät.")])
    again = await create_store(address)
    assert await texts(again) == ["Bleibt."]
    await again.close()
