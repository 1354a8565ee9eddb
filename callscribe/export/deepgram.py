"""A transcript in the form of Deepgram's answer to a recording: one channel for each speaker.

May import ``transcript`` and ``wire``.
"""

from __future__ import annotations

import uuid

import msgspec
from msgspec import UNSET

from callscribe.transcript import Transcript, Utterance, join_text, mean_confidence
from callscribe.transcript import Word as SpokenWord
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram import Word

NAMESPACE = uuid.UUID("5b5c0f3f-6a0e-4a43-9c63-1b8a4f0f2d10")
"""Ids of calls and utterances are made from their names under this: the same for the same."""


def to_deepgram(transcript: Transcript) -> str:
    """JSON of a ``ListenV1Response`` with ``utterances``; seconds on the call clock.

    Channels are numbered in the order in which their speakers first spoke; their names stand in
    ``metadata.extra`` as ``channel_0``, ``channel_1``, ….
    """
    numbers = {speaker: index for index, speaker in enumerate(transcript.speakers)}
    said = [u for u in transcript.utterances if u.text]
    recording = rest.Recording(
        metadata=rest.RecordingMetadata(
            transaction_key="deprecated",
            request_id=_uuid(transcript.session_id),
            sha256="",
            created="1970-01-01T00:00:00.000Z",
            duration=round(transcript.duration, 6),
            channels=len(numbers),
            models=[],
            model_info={},
            extra={f"channel_{index}": speaker for speaker, index in numbers.items()} or UNSET,
        ),
        results=rest.Results(
            channels=[_channel([u for u in said if u.speaker == speaker]) for speaker in numbers],
            utterances=[_utterance(u, numbers[u.speaker], transcript.session_id) for u in said],
        ),
    )
    text: str = msgspec.json.format(recording.encode(), indent=2).decode()
    return text + "\n"


def _channel(said: list[Utterance]) -> rest.Channel:
    words = [word for utterance in said for word in utterance.words]
    languages = [u.language for u in said if u.language]
    return rest.Channel(
        alternatives=[
            rest.Alternative(
                transcript=join_text(u.text for u in said),
                confidence=round(mean_confidence(words), 6),
                words=[_word(word) for word in words],
            )
        ],
        detected_language=languages[0] if languages else UNSET,
    )


def _utterance(said: Utterance, channel: int, session_id: str) -> rest.Utterance:
    return rest.Utterance(
        start=round(said.start, 3),
        end=round(said.end, 3),
        confidence=round(said.confidence, 6),
        channel=channel,
        transcript=said.text,
        words=[_word(word) for word in said.words],
        id=_uuid(f"{session_id}/{said.utterance_id}"),
    )


def _word(word: SpokenWord) -> Word:
    return Word(
        word=rest.bare(word.text),
        start=round(word.start, 3),
        end=round(word.end, 3),
        confidence=round(min(max(word.confidence, 0.0), 1.0), 6),
        punctuated_word=word.text,
    )


def _uuid(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))
