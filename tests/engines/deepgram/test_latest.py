"""What is told of results that arrive together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.deepgram.latest import Latest
from callscribe.transcript import Result


def result(number: int, *, is_final: bool) -> Result:
    return Result(str(number), 0.0, 1.0, is_final, speech_final=False)


bursts = st.lists(st.lists(st.sampled_from(["interim", "final", "other"]), min_size=1), max_size=20)


@given(bursts)
def test_all_finals_are_told_and_of_each_burst_the_latest_word(given: list[list[str]]) -> None:
    told: list[Result] = []
    latest = Latest(lambda result: told.append(result) or False)  # type: ignore[func-returns-value]
    number, finals, last = 0, [], []
    for burst in given:
        shown = ""
        for place, kind in enumerate(burst):
            number += 1
            more = place < len(burst) - 1
            if kind == "other":
                latest.tell()
                continue
            latest.put(result(number, is_final=kind == "final"), more=more)
            shown = str(number)
            finals += [shown] if kind == "final" else []
        latest.tell()
        last += [shown] if shown else []
        assert [one.text for one in told][-1:] == last[-1:]
    texts = [one.text for one in told]
    assert [one.text for one in told if one.is_final] == finals
    assert texts == sorted(texts, key=int), "in their order"
    assert len(set(texts)) == len(texts)


def test_what_comes_alone_is_told_at_once() -> None:
    told: list[Result] = []
    full = [False, True]
    latest = Latest(lambda result: told.append(result) or full[len(told) - 1])  # type: ignore[func-returns-value]
    assert not latest.put(result(1, is_final=False), more=False)
    assert latest.put(result(2, is_final=False), more=False)
    assert len(told) == 2
    assert not latest.tell()
