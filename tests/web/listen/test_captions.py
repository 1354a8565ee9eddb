"""A recording's answer becomes captions: what ``utterances`` tells is all that they need."""

from __future__ import annotations

import httpx
import pysubs2
import pytest

from callscribe.export import to_srt, to_vtt
from callscribe.transcript import Transcript, Utterance, Word
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram_rest import parse_recording
from tests import speech
from tests.serving import Served
from tests.web.listen.conftest import KEY, SPEAKERS, spoken

pytestmark = pytest.mark.anyio

QUERY = {
    "model": "nova-3",
    "language": "fr",
    "multichannel": "true",
    "smart_format": "true",
    "utterances": "true",
}


def transcript(found: rest.Recording) -> Transcript:
    """Each channel is a speaker, each of the answer's utterances one of ours."""
    assert isinstance(found.results.utterances, list)
    call = Transcript(found.metadata.request_id)
    for told in found.results.utterances:
        words = tuple(Word(w.shown, w.start, w.end, w.confidence) for w in told.words)
        speaker = SPEAKERS[told.channel]
        call.add(
            Utterance(
                told.id, speaker, told.transcript, told.start, told.end, words, told.confidence
            )
        )
    return call


async def test_utterances_become_cues(listening: Served, recording: bytes) -> None:
    async with httpx.AsyncClient(timeout=60, headers={"Authorization": f"Token {KEY}"}) as http:
        answer = await http.post(f"{listening.http}/v1/listen", params=QUERY, content=recording)
    assert answer.status_code == 200
    call = transcript(parse_recording(answer.content))
    assert set(call.speakers) == set(SPEAKERS)
    srt = pysubs2.SSAFile.from_string(to_srt(call), format_="srt")
    vtt = pysubs2.SSAFile.from_string(to_vtt(call), format_="vtt")
    for cues in (srt, vtt):
        times = [(cue.start, cue.end) for cue in cues]
        assert len(times) >= len(call.utterances)
        assert times == sorted(times)
        assert all(0 <= start < end <= 13_000 for start, end in times)
    for speaker in SPEAKERS:
        lines = [cue.plaintext for cue in srt if cue.plaintext.startswith(f"{speaker.upper()}: ")]
        assert speech.recall(spoken(speaker), " ".join(lines)) > 0.6
        assert f"<v {speaker}>" in to_vtt(call)
        first = next(u for u in speech.script("fr") if u.speaker == speaker)
        began = next(cue.start for cue in srt if cue.plaintext.startswith(f"{speaker.upper()}: "))
        assert began / 1000 == pytest.approx(first.start, abs=0.5)
