"""A server that is away: how long it is tried, and what is said of it."""

from __future__ import annotations

import pytest

from callscribe.demo import absence as module
from callscribe.demo.absence import Absence, Tries
from callscribe.errors import EngineError

pytestmark = pytest.mark.anyio


async def _in_vain(tries: Tries, *, reached: bool = False) -> None:
    for _ in range(100):
        await tries.again(EngineError("refused"))
        if reached:
            tries.reached()


async def test_it_is_said_once_for_all_connections() -> None:
    said: list[str] = []
    absence = Absence(said.append, 30)
    one, other = Tries(absence), Tries(absence)
    for tries in (one, other, one):
        await tries.again(EngineError("gone"))
    assert len(said) == 1
    assert "30 s" in said[0]
    one.reached()
    assert said[1:] == ["The server is back; the call goes on."]
    other.reached()
    assert len(said) == 2
    await one.again(EngineError("gone"))
    assert len(said) == 3


async def test_it_has_an_end_with_the_reason() -> None:
    tries = Tries(Absence(lambda _: None, 0.3))
    with pytest.raises(EngineError, match=r"did not come back within 0.3 s \(refused\)"):
        await _in_vain(tries)


async def test_a_server_that_dies_again_and_again_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time it is there for a moment: that is not the beginning of a new absence."""
    monkeypatch.setattr(module, "FIRST", 0.05)
    tries = Tries(Absence(lambda _: None, 0.3))
    with pytest.raises(EngineError, match="did not come back"):
        await _in_vain(tries, reached=True)


async def test_a_connection_that_held_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STABLE", -1.0)
    tries = Tries(Absence(lambda _: None, 0.05))
    for _ in range(6):
        await tries.again(EngineError("refused"))
        tries.reached()


async def test_without_patience_the_error_is_raised() -> None:
    with pytest.raises(OSError, match="refused"):
        await Tries(None).again(OSError("refused"))
