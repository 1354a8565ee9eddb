"""What is told of results that arrive in the same turn of the event loop."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.deepgram.latest import Latest
from callscribe.tick import tick
from callscribe.transcript import Result

pytestmark = pytest.mark.anyio


def result(number: int, *, is_final: bool = False) -> Result:
    return Result(str(number), 0.0, 1.0, is_final, speech_final=False)


class Told:
    """What two legs were told, in order."""

    def __init__(self) -> None:
        self.results: list[tuple[int, Result]] = []
        self.legs = [Latest(lambda r, leg=leg: self._put(leg, r), tick()) for leg in range(2)]  # type: ignore[misc]

    def _put(self, leg: int, given: Result) -> bool:
        self.results.append((leg, given))
        return given.is_final

    def texts(self, leg: int, *, finals: bool = False) -> list[str]:
        return [r.text for of, r in self.results if of == leg and (r.is_final or not finals)]


one = st.tuples(st.integers(0, 1), st.sampled_from(["interim", "final", "other"]))
turns = st.lists(st.lists(one, min_size=1), max_size=20)


@given(turns)
def test_all_finals_are_told_and_of_each_turn_the_latest_words(
    given: list[list[tuple[int, str]]],
) -> None:
    async def run() -> None:
        told = Told()
        finals: list[list[str]] = [[], []]
        number = 0
        for turn in given:
            shown: dict[int, str] = {}
            for leg, kind in turn:
                number += 1
                if kind == "other":
                    told.legs[leg].tell()
                    continue
                assert told.legs[leg].put(result(number, is_final=kind == "final")) == (
                    kind == "final"
                )
                shown[leg] = str(number)
                finals[leg] += [str(number)] if kind == "final" else []
            await asyncio.sleep(0)
            for leg, text in shown.items():
                assert told.texts(leg)[-1] == text
        for leg in range(2):
            texts = told.texts(leg)
            assert told.texts(leg, finals=True) == finals[leg]
            assert texts == sorted(texts, key=int), "in their order"
            assert len(set(texts)) == len(texts)

    asyncio.run(run())


async def test_interims_of_all_legs_are_told_in_one_go_at_the_end_of_the_turn() -> None:
    told = Told()
    asyncio.get_running_loop().call_soon(lambda: told.results.append((9, result(9))))
    for number in range(6):
        assert not told.legs[number % 2].put(result(number))
    asyncio.get_running_loop().call_soon(lambda: told.results.append((9, result(9))))
    assert not told.results
    await asyncio.sleep(0)
    assert [(leg, r.text) for leg, r in told.results] == [(9, "9"), (0, "4"), (1, "5"), (9, "9")]


async def test_a_final_does_not_wait_and_says_what_was_held_back() -> None:
    told = Told()
    first, _ = told.legs
    first.put(result(1))
    assert first.put(result(2, is_final=True)), "as the teller says"
    assert told.texts(0) == ["2"]
    first.put(result(3))
    await asyncio.sleep(0)
    assert told.texts(0) == ["2", "3"]
    assert not first.tell()


async def test_what_is_begun_for_a_leg_is_its_own_whoevers_turn_it_is() -> None:
    leg: ContextVar[str] = ContextVar("leg")
    seen, latest = [], {}
    for name in ("one", "other"):
        leg.set(name)
        latest[name] = Latest(lambda _, name=name: bool(seen.append((name, leg.get()))), tick())  # type: ignore[misc,func-returns-value]
    latest["one"].put(result(1))
    latest["other"].put(result(2))
    await asyncio.sleep(0)
    assert seen == [("one", "one"), ("other", "other")]


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_the_trouble_of_one_leg_is_not_that_of_the_others(error: type[BaseException]) -> None:
    def fail(_: Result) -> bool:
        raise error

    told: list[str] = []
    legs = [Latest(fail, tick()), Latest(lambda r: bool(told.append(r.text)), tick())]  # type: ignore[func-returns-value]
    for number in range(3):
        for leg in legs:
            leg.put(result(number))
        await asyncio.sleep(0)
    assert told == ["0", "1", "2"]
