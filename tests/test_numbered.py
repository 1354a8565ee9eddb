"""A set of numbered ids: what Python's set does, in less memory."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from callscribe.numbered import Numbered

ids = st.builds("{}-{}".format, st.sampled_from(["agent", "a-1", ""]), st.integers(0, 12))
ids |= st.sampled_from(
    ["", "agent", "agent-", "agent-01", "agent-1\n", "agent-²", "a\n-1", "-" * 3]
)
ids |= st.text(max_size=4)
steps = st.lists(st.tuples(st.sampled_from(["add", "discard"]), ids), max_size=60)


@given(steps, st.lists(ids))
def test_it_is_a_set(done: list[tuple[Literal["add", "discard"], str]], begun: list[str]) -> None:
    ours, theirs = Numbered(begun), set(begun)
    for what, one in done:
        getattr(ours, what)(one)
        getattr(theirs, what)(one)
        assert (one in ours) is (one in theirs)
    asked = {one for _, one in done} | set(begun) | {f"agent-{n}" for n in range(14)}
    assert {one for one in asked if one in ours} == theirs


def test_many_take_no_more_than_one() -> None:
    known = Numbered(f"agent-{n}" for n in range(10_000))
    assert known._spans == {"agent-": [0, 10_000]}
    known.discard("agent-400")
    assert known._spans == {"agent-": [0, 400, 401, 10_000]}
