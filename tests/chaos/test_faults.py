"""How faults are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.chaos.faults import KINDS, Connections, Fault, parse_fault
from callscribe.errors import ConfigurationError

seconds = st.integers(0, 999_999_999).map(lambda thousandths: thousandths / 1000)
some = seconds.filter(bool)
numbers = st.integers(1, 999_999)
connections = (
    st.just(Connections())
    | st.builds(Connections, numbers)
    | st.builds(Connections, percent=st.integers(1, 100))
    | st.tuples(numbers, numbers).map(lambda pair: Connections(min(pair), max(pair)))
)
ARGUMENTS: dict[str, st.SearchStrategy[str]] = {
    "drop": st.just(""),
    "refuse": st.integers(400, 599).map(str),
    "stall": st.sampled_from(["up", "down", "open"]),
    "half-open": st.just(""),
    "delay": st.integers(0, 99_999).map(str)
    | st.tuples(st.integers(0, 9_999), st.integers(10_000, 99_999)).map("{0[0]}-{0[1]}".format),
    "garble": st.sampled_from(["", "cut", "type", "null", "binary"]),
    "close": st.sampled_from(["1000", "1008", "1011", "1013", "3000", "4999"]),
}


@st.composite
def faults(draw: Any) -> Fault:
    name = draw(st.sampled_from(sorted(KINDS)))
    argument = draw(ARGUMENTS[name])
    whens = ["", "at", "every"] if KINDS[name].repeated else ["", "at"]
    when = draw(st.sampled_from(whens)) if argument != "open" else ""
    return Fault(
        name,
        argument,
        at=draw(seconds) if when == "at" else None,
        every=draw(some) if when == "every" else None,
        lasting=draw(st.none() | some) if KINDS[name].lasting else None,
        connections=draw(connections),
    )


@given(faults())
def test_what_is_written_is_read_again(fault: Fault) -> None:
    assert parse_fault(str(fault)) == fault


def test_every_example_is_one() -> None:
    assert set(ARGUMENTS) == set(KINDS)
    for name, kind in KINDS.items():
        assert parse_fault(kind.example).kind == name
        assert str(parse_fault(kind.example)) == kind.example


@given(
    st.text()
    | st.from_regex(r"[a-z-]{1,9}(:[0-9a-z.-]{0,6})?([@~+/][0-9.%-]{0,8}){0,4}", fullmatch=True)
    | st.tuples(faults(), st.text(max_size=3)).map(lambda pair: f"{pair[0]}{pair[1]}")
)
def test_other_texts_are_refused_in_words(text: str) -> None:
    try:
        fault = parse_fault(text)
    except ConfigurationError as error:
        assert "is no fault" in error.message  # noqa: PT017 - the rest are fine
    else:
        assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop", Fault("drop")),
        ("drop@20", Fault("drop", at=20.0)),
        ("drop~30", Fault("drop", every=30.0)),
        ("refuse:429/2-3", Fault("refuse", "429", connections=Connections(2, 3))),
        ("refuse:429@10+20", Fault("refuse", "429", at=10, lasting=20)),
        ("refuse:503/25%", Fault("refuse", "503", connections=Connections(percent=25))),
        ("close:1011@1.5/2-", Fault("close", "1011", at=1.5, connections=Connections(2))),
        ("stall:up@10+5", Fault("stall", "up", at=10.0, lasting=5.0)),
        ("stall:open+0.5/1", Fault("stall", "open", lasting=0.5, connections=Connections(1, 1))),
    ],
)
def test_faults_as_they_are_written(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "it is not KIND"),
        ("fly@3", "there is no fly, but drop, refuse"),
        ("drop:x", "it takes no argument"),
        ("refuse", "written like refuse:429"),
        ("refuse:200", "written like refuse:429"),
        ("refuse:429~3", "takes no ~"),
        ("stall:open@3", "takes no @"),
        ("stall:left", "written like stall:down"),
        ("drop@3+5", "drop does not last"),
        ("drop~0", "more than 0"),
        ("stall:up+0", "more than 0"),
        ("delay:200-100", "200 is more than 100"),
        ("close:1005", "written like close:1011"),
        ("close:1015", "written like close:1011"),
        ("drop/0", "counted upwards from 1"),
        ("drop/3-2", "counted upwards from 1"),
        ("drop/0%", "1% to 100%"),
        ("drop/x", "written /2"),
        ("drop@3@4", "it is not KIND"),
        ("DROP", "it is not KIND"),
        ("drop@٣", "it is not KIND"),
    ],
)
def test_what_is_wrong_is_said(text: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint) as caught:
        parse_fault(text)
    assert caught.value.code == "bad_fault"
