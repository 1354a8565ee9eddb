"""Recordings cut into utterances, and decoded several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.audio import Resampler, to_float
from callscribe.engines.silero import SileroModel
from callscribe.engines.whisper.batch import Cutter, Recording, Turn, by_turn
from callscribe.engines.whisper.decoder import Hypothesis, WhisperDecoder, Window
from callscribe.transcript import Word
from tests.speech import leg, recall, script


@pytest.mark.parametrize("block", [777, 16_000, 10_000_000])
def test_the_cuts_do_not_depend_on_the_blocks(silero: SileroModel, block: int) -> None:
    _, samples = leg("en", "agent")
    audio = to_float(samples)

    def cut(size: int) -> list[tuple[float, float, int]]:
        cutter = Cutter(silero.stream())
        pieces = [
            p for at in range(0, len(audio), size) for p in cutter.push(audio[at : at + size])
        ]
        return [
            (t.start, t.end, len(p.audio)) for p in [*pieces, *cutter.finish()] for t in p.turns
        ]

    assert cut(block) == cut(512)
    assert len(cut(block)) >= 4


def test_every_utterance_comes_out_in_order(decoder: WhisperDecoder, silero: SileroModel) -> None:
    _, samples = leg("en", "agent")
    work = Recording(decoder, Cutter(silero.stream()), "auto")
    results = []
    for at in range(0, len(samples), 16_000):
        results += work.push(to_float(samples[at : at + 16_000]))
    results += work.finish()
    assert [r.start for r in results] == sorted(r.start for r in results)
    assert {r.language for r in results} == {"en"}
    said = " ".join(u.text for u in script("en") if u.speaker == "agent")
    assert recall(said, " ".join(r.text for r in results)) > 0.8


def test_each_decode_gives_way_also_at_the_end(
    decoder: WhisperDecoder, silero: SileroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, samples = leg("en", "agent")
    apart = np.zeros(9 * 16_000, np.float32)
    audio = np.concatenate([part for _ in range(6) for part in (to_float(samples[:96_000]), apart)])
    done: list[str] = []
    decode = decoder.decode

    def watched(windows: Sequence[Window]) -> list[Hypothesis]:
        done.append("decode")
        return decode(windows)

    monkeypatch.setattr(decoder, "decode", watched)
    cutter = Cutter(silero.stream())
    work = Recording(decoder, cutter, "en", give_way=lambda: done.append("way"))
    assert work.push(audio) == []
    assert done == ["way"]
    assert len(work.finish()) >= 6
    assert done.count("decode") >= 2
    first = done.index("decode")
    assert done[first - 1] == "way"
    assert "way" in done[first : len(done) - done[::-1].index("decode")]


def test_a_hard_voice_loses_no_utterance(decoder: WhisperDecoder, silero: SileroModel) -> None:
    rate, samples = leg("fr", "technician")
    work = Recording(decoder, Cutter(silero.stream()), "fr")
    audio = to_float(Resampler(rate).push(samples, last=True))
    results = [*work.push(audio), *work.finish()]
    heard = " ".join(r.text for r in results)
    for line in (u.text for u in script("fr") if u.speaker == "technician"):
        assert recall(line, heard) > 0.5, line
    assert len(results) >= 4  # decoded together, told apart


def test_a_long_silence_parts_and_a_short_one_does_not() -> None:
    def loud(chunk: NDArray[np.float32]) -> float:
        return float(chunk.any())

    second = np.full(16_000, 0.1, np.float32)
    pause, silence = np.zeros(3 * 16_000, np.float32), np.zeros(20 * 16_000, np.float32)
    cutter = Cutter(loud)
    pieces = cutter.push(np.concatenate([second, pause, second, silence, second]))
    assert [len(p.turns) for p in pieces] == [2]
    assert len(pieces[0].audio) == pytest.approx(5.3 * 16_000, abs=1000)
    (last,) = cutter.finish()
    assert last.start == pytest.approx(25, abs=0.4)


def test_words_go_to_the_utterance_they_were_said_in() -> None:
    turns = (Turn(0, 2, 1), Turn(4, 6, 1), Turn(8, 9, 1))
    words = [Word("a", 0.5, 1, 1), Word("b", 1.8, 2.4, 1), Word("c", 2.4, 8.6, 1)]
    found = [said for _, said in by_turn(turns, words)]
    assert [[w.text for w in said] for said in found] == [["a", "b"], [], ["c"]]
    assert found[2][0].start == 8  # not where the word before it ended


def test_an_utterance_that_got_no_words_in_company_is_heard_alone(
    decoder: WhisperDecoder, silero: SileroModel
) -> None:
    class Deaf:
        """The real decoder; of windows with several utterances it gives the last words only."""

        def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
            found = decoder.decode(windows)
            return [
                replace(h, words=h.words[-2:]) if len(w.audio) > 9 * 16_000 else h
                for w, h in zip(windows, found, strict=True)
            ]

    _, samples = leg("fr", "agent")
    work = Recording(Deaf(), Cutter(silero.stream()), "fr")  # type: ignore[arg-type]
    results = [*work.push(to_float(samples[: 15 * 16_000])), *work.finish()]
    lines = [u for u in script("fr") if u.speaker == "agent" and u.end < 14]
    assert recall(lines[0].text, " ".join(r.text for r in results)) > 0.6
    assert [r.start for r in results] == sorted(r.start for r in results)
    assert results[0].start == pytest.approx(lines[0].start, abs=0.6)


def test_silence_gives_nothing(decoder: WhisperDecoder, silero: SileroModel) -> None:
    work = Recording(decoder, Cutter(silero.stream()), "fr")
    assert work.push(np.zeros(160_000, np.float32)) == []
    assert work.finish() == []
    assert work.done == pytest.approx(10.0, abs=0.04)
