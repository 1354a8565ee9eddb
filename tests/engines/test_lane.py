"""The short way of audio, and that no layer misses what has left by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.engines.lane import HASTE, MOST, Lane


class Layer:
    """Notes what it is told has left."""

    def __init__(self, name: str, order: list[str]) -> None:
        self.heard = b""
        self.times: list[tuple[float, float]] = []
        self.lane = Lane(self._note)
        self._name = name
        self._order = order

    def _note(self, audio: bytes, since: float, now: float) -> None:
        self.heard += audio
        self.times.append((since, now))
        self._order.append(self._name)


class Socket:
    """Takes audio while it is free."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_free = True

    def take(self, audio: bytes) -> bool:
        if self.is_free:
            self.sent += audio
        return self.is_free


@pytest.fixture
def order() -> list[str]:
    return []


@pytest.fixture
def layers(order: list[str]) -> list[Layer]:
    """The lowest first."""
    made = [Layer(name, order) for name in ("engine", "keeper", "leg")]
    for below, above in zip(made, made[1:], strict=False):
        above.lane.follow(below.lane)
    return made


def test_frames_leave_at_once_and_are_noted_together(layers: list[Layer], order: list[str]) -> None:
    engine, _, leg = layers
    socket = Socket()
    engine.lane.open(socket.take)
    assert leg.lane.take(b"ab", 1.0)
    assert leg.lane.take(b"cd", 1.02)
    assert socket.sent == b"abcd"
    assert not order
    engine.lane.settle()
    assert [layer.heard for layer in layers] == [b"abcd"] * 3
    assert order == ["engine", "keeper", "leg"]
    assert leg.times == [(1.0, 1.02)]
    engine.lane.settle()
    assert len(order) == 3, "nothing has left since"


def test_the_lowest_takes_what_has_left_before_the_others(
    layers: list[Layer], order: list[str]
) -> None:
    engine, keeper, leg = layers
    engine.lane.open(Socket().take)
    leg.lane.take(b"ab", 1.0)
    leg.lane.take(b"cd", 1.02)
    engine.lane.settle_lowest()
    engine.lane.settle_lowest()
    assert (engine.heard, order) == (b"abcd", ["engine"])
    leg.lane.take(b"ef", 1.04)
    leg.lane.take(b"gh", 1.06)
    leg.lane.settle()
    assert [layer.heard for layer in layers] == [b"abcdefgh"] * 3
    assert engine.times == [(1.0, 1.02), (1.04, 1.06)]
    assert keeper.times == leg.times == [(1.0, 1.06)]
    leg.lane.take(b"ij", 2.0)
    engine.lane.settle_lowest()
    leg.lane.settle()
    assert engine.times[2:] == leg.times[1:] == [(2.0, 2.0)], "nothing is taken twice"


def test_much_is_noted_without_being_asked(layers: list[Layer]) -> None:
    engine, _, leg = layers
    engine.lane.open(Socket().take)
    for number in range(MOST):
        leg.lane.take(b"a", number * 0.02)
    assert engine.heard == b"a" * MOST


def test_what_comes_in_haste_or_would_wait_goes_the_long_way(layers: list[Layer]) -> None:
    engine, _, leg = layers
    socket = Socket()
    assert not leg.lane.take(b"ab", 1.0), "nobody has opened it"
    engine.lane.open(socket.take)
    assert leg.lane.take(b"ab", 1.0)
    assert not leg.lane.take(b"cd", 1.0 + HASTE / 2)
    socket.is_free = False
    assert not leg.lane.take(b"cd", 1.1)
    socket.is_free = True
    engine.lane.shut()
    assert not leg.lane.take(b"cd", 1.2)
    assert leg.heard == b"ab"


def test_what_has_left_by_one_engine_is_not_noted_by_the_next(layers: list[Layer]) -> None:
    first, keeper, leg = layers
    second = Layer("second", [])
    first.lane.open(Socket().take)
    second.lane.open(Socket().take)
    leg.lane.take(b"ab", 1.0)
    keeper.lane.follow(second.lane)
    leg.lane.take(b"cd", 1.1)
    first.lane.shut()
    leg.lane.take(b"ef", 1.2)
    first.lane.settle()
    leg.lane.settle()
    assert (first.heard, second.heard, keeper.heard) == (b"ab", b"cdef", b"abcdef")
    keeper.lane.follow(None)
    assert not leg.lane.take(b"gh", 1.3)
    second.lane.open(Socket().take)
    assert not leg.lane.take(b"gh", 1.3)


Step = Callable[[list[Layer], list[Layer], Socket, int], None]

_STEPS: dict[str, Step] = {
    "settle": lambda layers, _engines, _socket, n: layers[n % len(layers)].lane.settle(),
    "lowest": lambda _layers, engines, _socket, n: engines[n % 2].lane.settle_lowest(),
    "open": lambda _layers, engines, socket, n: engines[n % 2].lane.open(socket.take),
    "shut": lambda _layers, engines, _socket, n: engines[n % 2].lane.shut(),
    "follow": lambda layers, engines, _socket, n: layers[0].lane.follow(
        engines[n % 3].lane if n % 3 < 2 else None
    ),
    "busy": lambda _layers, _engines, socket, n: setattr(socket, "is_free", bool(n % 2)),
}


@given(st.lists(st.tuples(st.sampled_from([*_STEPS, "take", "take", "take"]), st.integers(0, 5))))
def test_each_layer_hears_all_that_was_taken_once_and_in_order(
    steps: list[tuple[str, int]],
) -> None:
    order: list[str] = []
    layers = [Layer(name, order) for name in ("keeper", "leg")]
    engines = [Layer(name, order) for name in ("first", "second")]
    layers[1].lane.follow(layers[0].lane)
    socket = Socket()
    taken = b""
    for now, (name, number) in enumerate(steps):
        if name == "take":
            audio = bytes([now % 256])
            if layers[1].lane.take(audio, float(now)):
                taken += audio
        else:
            _STEPS[name](layers, engines, socket, number)
    layers[1].lane.settle()
    assert socket.sent == taken
    assert [layer.heard for layer in layers] == [taken, taken]
    assert sorted(engines[0].heard + engines[1].heard) == sorted(taken)
