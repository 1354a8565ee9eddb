"""JSON: all that is known comes back."""

import json

from hypothesis import given

from callscribe.export.json import to_json
from callscribe.transcript import Transcript

from .transcripts import CALL, transcripts


def test_accents_are_readable_and_words_are_there() -> None:
    text = to_json(CALL)
    assert "Très" in text
    assert json.loads(text)["utterances"][0]["words"][0]["text"] == "Bonjour,"


@given(transcripts())
def test_it_reads_back(transcript: Transcript) -> None:
    assert json.loads(to_json(transcript)) == transcript.to_dict()
