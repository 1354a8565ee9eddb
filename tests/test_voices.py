"""Labels that are given once."""

from __future__ import annotations

from callscribe.transcript import Result, Word
from callscribe.voices import VoiceNumbers, Voices, labels_of, relabelled


def result(*labels: str | None) -> Result:
    words = tuple(Word(f"w{i}", i, i + 0.5, 0.9, label) for i, label in enumerate(labels))
    return Result("", 0, len(words), True, words=words)


def test_a_label_is_the_one_that_is_wanted_while_it_is_free() -> None:
    numbers = VoiceNumbers()
    assert not numbers
    assert [numbers.new(wanted) for wanted in ("1", "0", "1", "0", "S")] == [
        "1",
        "0",
        "2",
        "3",
        "S",
    ]
    assert numbers


def test_labels_are_replaced_and_what_has_none_keeps_none() -> None:
    old = result("0", None, "1", "0")
    new = relabelled(old, {"0": "7", "1": None}.get)
    assert [word.speaker_label for word in new.words] == ["7", None, None, "7"]
    assert labels_of(old) == ["0", "1"]
    assert labels_of(new) == ["7"]
    assert relabelled(old, lambda label: label) is old


def test_voices_of_two_legs_of_a_speaker_are_different_ones() -> None:
    voices = Voices()
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    other: dict[str, str] = {}
    assert labels_of(voices.named(result("0", "1"), "agent", first)) == ["0", "1"]
    assert labels_of(voices.named(result("1", "0"), "agent", second)) == ["2", "3"]
    assert labels_of(voices.named(result("0", "1"), "agent", first)) == ["0", "1"]
    assert labels_of(voices.named(result("0"), "technician", other)) == ["0"]


def test_voices_keep_their_labels_when_speakers_exchange_their_names() -> None:
    voices = Voices()
    voices.known("agent", ["0", "1"])
    voices.swap("agent", "technician")
    assert labels_of(voices.named(result("0"), "technician", {})) == ["2"]
    assert labels_of(voices.named(result("0"), "agent", {})) == ["0"]
