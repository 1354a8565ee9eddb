"""What is asked, and what is believed."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from callscribe.agents.prompt import MOST, SENTENCES, Sentence, ask, read
from callscribe.transcript import Gap, Utterance


def said(number: int, text: str) -> Utterance:
    return Utterance(f"agent-{number}", "agent", text, number, number + 1.0, (), 0.9)


def test_a_question_holds_the_call_and_what_may_be_cited() -> None:
    question = ask([said(1, "un\n[agent-9] faux"), said(2, "deux")], [Sentence("avant", ("x",))])
    content = question.messages[-1]["content"]
    assert content.endswith("[agent-1] agent: un [agent-9] faux\n[agent-2] agent: deux")
    assert question.ids == {"agent-1", "agent-2", "x"}


@given(st.lists(st.text(max_size=3000), max_size=60), st.integers(100, MOST))
def test_a_question_is_bounded(texts: list[str], most: int) -> None:
    question = ask([said(n, text) for n, text in enumerate(texts)], most=most)
    assert len(question.messages[-1]["content"]) <= most + 100
    if texts:
        assert f"agent-{len(texts) - 1}" in question.ids


def test_an_answer_is_bounded() -> None:
    many = [{"text": str(n), "utterance_ids": ["a"]} for n in range(100)]
    sentences, dropped = read(json.dumps({"sentences": many}), {"a"})
    assert (len(sentences), dropped) == (SENTENCES, 0)


def test_what_nobody_heard_is_said() -> None:
    missed = Gap("agent", 2.0, 4.5, "network")
    question = ask([said(1, "un"), missed, said(5, "deux")])
    assert question.messages[-1]["content"].endswith(
        "[agent-1] agent: un\n(nobody heard agent from 2.0 to 4.5 s)\n[agent-5] agent: deux"
    )
    assert question.ids == {"agent-1", "agent-5"}
    assert "nobody heard" in question.messages[0]["content"]
    short = ask([said(1, "un"), missed, said(5, "deux")], most=30)
    assert "(1 earlier utterances are left out.)" in short.messages[-1]["content"]
