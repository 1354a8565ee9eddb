"""What of a leg is another one's voice. With real speech: ``test_one_call``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callscribe.events import FinalResult
from callscribe.leaks import MOST, Decision, Leaks
from callscribe.loudness import BLOCKS, Levels
from callscribe.transcript import Word

SENTENCE = "La pression de l'eau est normale ce matin"
OWN = "d'accord je vais commander la pièce"


def final(
    utterance_id: str,
    text: str,
    start: float = 10.0,
    confidence: float = 0.9,
    speaker: str = "",
) -> FinalResult:
    """An utterance of ``agent`` or ``technician`` by its id, a word every 0.3 s."""
    words = tuple(
        Word(word, start + n * 0.3, start + n * 0.3 + 0.3, confidence)
        for n, word in enumerate(text.split())
    )
    return FinalResult(
        session_id="s",
        seq=1,
        at=0.0,
        speaker=speaker or utterance_id.split("-")[0],
        utterance_id=utterance_id,
        text=text,
        start=start,
        end=start + 0.3 * len(words),
        words=words,
        confidence=confidence,
    )


def marks(decisions: list[Decision]) -> dict[str, str]:
    return {decision.said.utterance_id: decision.leak_of for decision in decisions}


SOURCE = final("technician-1", SENTENCE)
LEAK = final("agent-1", SENTENCE, 10.2, 0.8)


def test_a_leak_behind_its_source_is_marked() -> None:
    leaks = Leaks()
    assert leaks.add(SOURCE) == []
    (decision,) = leaks.add(LEAK)
    assert decision.final == replace(LEAK, leak_of="technician-1")
    assert len(decision.leaked) == len(LEAK.words)


def test_a_leak_that_came_before_its_source_is_due_for_a_revision() -> None:
    leaks = Leaks()
    assert leaks.add(LEAK) == []
    (decision,) = leaks.add(SOURCE)
    assert decision.final == replace(LEAK, leak_of="technician-1")


def test_own_words_beside_a_leak_are_given_back() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    (decision,) = leaks.add(final("agent-1", f"{SENTENCE} {OWN}", 10.2, 0.8))
    shown = decision.final
    assert (decision.leak_of, shown.leak_of, shown.text) == ("", "", OWN)
    assert shown.start == pytest.approx(10.2 + 0.3 * len(SENTENCE.split()))
    assert len(shown.words) == len(OWN.split())
    assert len(decision.said.words) > len(shown.words)


def test_a_leak_of_several_utterances_names_the_one_with_the_most_words() -> None:
    first = "La pression de l'eau"
    second = "est normale depuis hier matin vers huit heures"
    leaks = Leaks()
    leaks.add(final("technician-1", first, 10.0))
    leaks.add(final("technician-2", second, 10.0 + 0.3 * len(first.split())))
    decisions = leaks.add(final("agent-1", f"{first} {second}", 10.2, 0.8))
    assert marks(decisions) == {"agent-1": "technician-2"}


@pytest.mark.parametrize("text", ["oui", "au revoir", "Bonjour !", "Merci beaucoup, au revoir."])
def test_both_may_say_a_courtesy_at_once(text: str) -> None:
    leaks = Leaks()
    assert leaks.add(final("technician-1", text)) == []
    assert leaks.add(final("agent-1", text, 10.1)) == []


def test_one_leg_never_leaks_into_itself() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    assert leaks.add(final("technician-2", SENTENCE, 10.2)) == []


def test_the_evidence_decides_which_of_the_two_it_is() -> None:
    earlier_but_unsure = final("agent-1", SENTENCE, 9.97, 0.5)
    leaks = Leaks()
    leaks.add(SOURCE)
    assert marks(leaks.add(earlier_but_unsure)) == {"agent-1": "technician-1"}


def loud(said: FinalResult, level: float, shape: int = 0) -> Levels:
    """Speech at a level: it rises and falls as its ``shape`` has it, whoever hears it."""
    waves = np.random.default_rng(shape).normal(0.0, 6.0, 200).astype(np.float32)
    count = round((said.end - said.start + 1.0) * BLOCKS)
    values = np.full(count, level, np.float32) + waves[:count]
    return Levels(said.start - 0.5, values)


def known(agent: float = -20.0, technician: float = -20.0) -> Leaks:
    """A call in which both have spoken at their usual levels before."""
    leaks = Leaks()
    for name, level in (("agent-0", agent), ("technician-0", technician)):
        before = final(name, f"{OWN} de {name}", 1.0 if name == "agent-0" else 4.5)
        leaks.add(before, loud(before, level, 7))
    return leaks


@pytest.mark.parametrize("lag", [-0.4, 0.0, 0.4])
@pytest.mark.parametrize("microphone", [-40.0, -8.0])
def test_level_decides_whatever_the_clocks_say(lag: float, microphone: float) -> None:
    """Also where the quieter leg's microphone makes everything louder than the other one."""
    leaks = known(agent=microphone)
    leak = final("agent-1", SENTENCE, 10 + lag)
    leaks.add(SOURCE, loud(SOURCE, -20.0))
    decisions = leaks.add(leak, loud(leak, microphone - 12.0))
    assert marks(decisions) == {"agent-1": "technician-1"}


def test_a_leak_that_is_recognised_first_is_put_right_by_its_level() -> None:
    """Its clock is early too: nothing but the level says which of them it is."""
    leaks = known()
    leak = final("agent-1", SENTENCE, 9.8)
    assert leaks.add(leak, loud(leak, -32.0)) == []
    assert marks(leaks.add(SOURCE, loud(SOURCE, -20.0))) == {"agent-1": "technician-1"}


@pytest.mark.parametrize("lag", [0.1, 1.0])
def test_two_who_say_the_same_in_their_usual_voices_are_both_written_down(lag: float) -> None:
    leaks = known()
    too = final("agent-1", SENTENCE, 10 + lag)
    leaks.add(SOURCE, loud(SOURCE, -20.0, shape=1))
    assert leaks.add(too, loud(too, -21.0, shape=2)) == []


def test_a_leak_as_loud_as_the_voice_itself_has_the_same_shape() -> None:
    leaks = known()
    leaks.add(SOURCE, loud(SOURCE, -20.0))
    assert marks(leaks.add(LEAK, loud(LEAK, -20.0))) == {"agent-1": "technician-1"}


@pytest.mark.parametrize(("level", "is_leak"), [(-35.0, True), (-28.0, False), (-20.0, False)])
def test_a_courtesy_is_a_leak_only_where_it_is_much_quieter(level: float, is_leak: bool) -> None:
    leaks = known()
    source, copy = final("technician-1", "D'accord merci"), final("agent-1", "D'accord merci", 10.2)
    leaks.add(source, loud(source, -20.0))
    assert marks(leaks.add(copy, loud(copy, level))) == (
        {"agent-1": "technician-1"} if is_leak else {}
    )


def test_a_courtesy_amid_own_words_stays() -> None:
    leaks = known()
    source = final("technician-1", "D'accord")
    leaks.add(source, loud(source, -20.0))
    mine = final("agent-1", "D'accord je regarde", 10.2)
    assert leaks.add(mine, loud(mine, -35.0)) == []


def test_leaks_do_not_make_a_leg_usually_quiet() -> None:
    leaks = known()
    for number in range(1, 30):
        source = final(f"technician-{number}", SENTENCE, 10.0 * number)
        leak = final(f"agent-{number}", SENTENCE, 10.0 * number - 0.2)
        leaks.add(source, loud(source, -20.0, number))
        assert marks(leaks.add(leak, loud(leak, -30.0, number))) == {
            leak.utterance_id: source.utterance_id
        }


def test_swapped_speakers_keep_their_usual_levels() -> None:
    leaks = known(agent=-20.0, technician=-40.0)
    leaks.swap("agent", "technician")
    source = final("agent-1", SENTENCE)
    leak = final("technician-1", SENTENCE, 9.8)
    leaks.add(source, loud(source, -40.0))
    assert marks(leaks.add(leak, loud(leak, -32.0))) == {"technician-1": "agent-1"}


def test_an_utterance_that_grows_by_own_words_is_no_leak_any_more() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    assert marks(leaks.add(LEAK)) == {"agent-1": "technician-1"}
    (decision,) = leaks.add(final("agent-1", f"{SENTENCE} {OWN}", 10.2, 0.8))
    assert decision.final.text == OWN


def test_every_version_of_a_leak_is_marked() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    assert marks(leaks.add(LEAK)) == marks(leaks.add(LEAK)) == {"agent-1": "technician-1"}


def test_when_the_source_is_taken_back_the_leak_is_speech_again() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    leaks.add(LEAK)
    (decision,) = leaks.add(replace(SOURCE, text="", words=()))
    assert decision.final == LEAK
    assert leaks.add(replace(SOURCE, text="", words=())) == []


def test_when_the_source_turns_out_to_be_elsewhere_the_leak_is_speech_again() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    leaks.add(LEAK)
    (decision,) = leaks.add(final("technician-1", SENTENCE, 20.0))
    assert decision.final == LEAK


def test_what_is_misheard_amid_a_leak_is_no_own_word() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    heard = SENTENCE.replace("est normale", "et des")
    (decision,) = leaks.add(final("agent-1", f"{heard} {OWN}", 10.2, 0.8))
    assert decision.final.text == OWN


def test_a_leak_of_which_no_word_is_left_is_one_as_a_whole() -> None:
    """A part of each written word was heard, and of all their parts not enough."""
    leaks = Leaks()
    leaks.add(final("technician-1", "pression normale matin"))
    (decision,) = leaks.add(final("agent-1", "l'-à-pression normale matin ?", 10.1, 0.8))
    assert decision.final.leak_of == "technician-1"


def test_swapped_speakers_are_still_two() -> None:
    leaks = Leaks()
    leaks.add(SOURCE)
    leaks.swap("agent", "technician")
    assert marks(leaks.add(replace(LEAK, speaker="technician"))) == {"agent-1": "technician-1"}
    assert leaks.add(final("agent-2", SENTENCE, 10.3, speaker="agent")) != []


def test_only_the_last_seconds_are_kept() -> None:
    leaks = Leaks()
    for number in range(500):
        leaks.add(final(f"agent-{number}", "un mot", number * 0.6))
    assert len(leaks._recent) <= MOST
    leaks.add(final("agent-late", "un mot", 1000.0))
    assert list(leaks._recent) == ["agent-late"]


words = st.lists(st.sampled_from([*SENTENCE.split(), *OWN.split()]), max_size=12).map(" ".join)
utterances = st.lists(
    st.tuples(
        st.sampled_from(["agent", "technician", "expert"]),
        st.one_of(words, st.just(SENTENCE)),
        st.integers(0, 40).map(lambda n: n / 10),
        st.sampled_from([0.5, 0.8, 0.9]),
    ),
    max_size=8,
)


def shown(finals: list[FinalResult]) -> dict[str, tuple[str, str]]:
    """What stands at the end: text and mark by utterance."""
    leaks = Leaks()
    stands = {said.utterance_id: (said.text, "") for said in finals}
    for said in finals:
        for decision in leaks.add(said):
            final = decision.final
            stands[final.utterance_id] = (final.text, final.leak_of)
    return stands


@given(utterances, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(
    said: list[tuple[str, str, float, float]], chance: object
) -> None:
    finals = [
        final(f"{who}-{n}", text, 10 + at, sure) for n, (who, text, at, sure) in enumerate(said)
    ]
    shuffled = list(finals)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert shown(shuffled) == shown(finals)


@given(utterances)
def test_of_two_that_say_the_same_one_is_always_left(
    said: list[tuple[str, str, float, float]],
) -> None:
    """Nothing that was said is a leak everywhere: each word that is hidden stands elsewhere."""
    finals = [
        final(f"{who}-{n}", text, 10 + at, sure) for n, (who, text, at, sure) in enumerate(said)
    ]
    stands = shown(finals)
    left = " ".join(text for text, leak_of in stands.values() if not leak_of)
    assert bool(left.strip()) == any(text.strip() for _, text, _, _ in said)
    assert all(leak_of != name for name, (_, leak_of) in stands.items())
