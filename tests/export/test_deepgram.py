"""The form of Deepgram's answer, held against its own schema and types."""

from __future__ import annotations

import json

from callscribe.export import to_deepgram
from callscribe.transcript import Transcript
from callscribe.wire.deepgram_rest import parse_recording
from tests.schemas import check_answer

from .transcripts import CALL

HEADERS = {"dg-request-id": "any"}


def test_it_is_what_deepgram_would_answer() -> None:
    text = to_deepgram(CALL)
    check_answer("/v1/listen", 200, HEADERS, text.encode())
    found = parse_recording(text.encode())
    assert len(found.results.channels) == len(CALL.speakers)
    assert found.metadata.extra == {f"channel_{i}": s for i, s in enumerate(CALL.speakers)}
    utterances = found.results.utterances
    assert isinstance(utterances, list)
    said = [u for u in CALL.utterances if u.text]
    assert [u.transcript for u in utterances] == [u.text for u in said]
    assert [CALL.speakers[u.channel] for u in utterances] == [u.speaker for u in said]
    words = [word for u in utterances for word in u.words]
    assert [w.punctuated_word for w in words] == [w.text for u in said for w in u.words]


def test_the_same_call_gives_the_same_text() -> None:
    assert to_deepgram(CALL) == to_deepgram(CALL)
    ids = {u["id"] for u in json.loads(to_deepgram(CALL))["results"]["utterances"]}
    assert len(ids) == len([u for u in CALL.utterances if u.text])


def test_nothing_said() -> None:
    check_answer("/v1/listen", 200, HEADERS, to_deepgram(Transcript("empty")).encode())
