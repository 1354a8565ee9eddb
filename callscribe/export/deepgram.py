"""A transcript in the form of Deepgram's answer to a recording: one channel for each speaker.

May import ``source``, ``transcript`` and ``wire``.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, UnsetType

from callscribe.export.source import Model, Source
from callscribe.transcript import Gap, Transcript, Utterance, join_text, mean_confidence
from callscribe.transcript import Word as SpokenWord
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram import ModelInfo, Word, model_uuid

NAMESPACE = uuid.UUID("5b5c0f3f-6a0e-4a43-9c63-1b8a4f0f2d10")
"""Ids of calls and utterances are made from their names under this: the same for the same."""

NO_DIGEST = "incomplete"
"""What Deepgram writes for a digest of audio that it did not keep."""

NOTHING_KNOWN = Source()


def to_deepgram(transcript: Transcript, source: Source = NOTHING_KNOWN) -> str:
    """JSON of a ``ListenV1Response`` with ``utterances``; seconds on the call clock.

    Channels are numbered in the order of ``source.speakers``, then in that in which speakers first
    spoke. The session's id and the speakers' names stand in ``metadata.extra`` as ``session_id``,
    ``channel_0``, ``channel_1``, …; what nobody heard in ``metadata.gaps``, which is there only
    where there is some. ``created`` is now where the beginning is not known.
    """
    missed = [gap.speaker for gap in transcript.gaps]
    speakers = dict.fromkeys([*source.speakers, *transcript.speakers, *missed])
    numbers = {speaker: index for index, speaker in enumerate(speakers)}
    said = [u for u in transcript.utterances if u.text]
    infos = {model_uuid(model.name or model.engine): _info(model) for model in source.models}
    recording = rest.Recording(
        metadata=rest.RecordingMetadata(
            transaction_key="deprecated",
            request_id=_request_id(transcript.session_id),
            sha256=source.sha256 or NO_DIGEST,
            created=_moment(source.created or datetime.now(UTC)),
            duration=round(max(source.duration, transcript.duration), 6),
            channels=len(numbers),
            models=list(infos),
            model_info=infos,
            extra={
                "session_id": transcript.session_id,
                **{f"channel_{index}": speaker for speaker, index in numbers.items()},
            },
            gaps=[_gap(gap, numbers[gap.speaker]) for gap in transcript.gaps] or UNSET,
        ),
        results=rest.Results(
            channels=[_channel([u for u in said if u.speaker == speaker]) for speaker in numbers],
            utterances=[_utterance(u, numbers[u.speaker], transcript.session_id) for u in said],
        ),
    )
    text: str = msgspec.json.format(recording.encode(), indent=2).decode()
    return text + "\n"


def _info(model: Model) -> ModelInfo:
    """Deepgram's architectures have its models' names; versions are not known here."""
    name = model.name or model.engine
    return ModelInfo(name=name, arch=name if model.engine == "deepgram" else model.engine)


def _moment(time: datetime) -> str:
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _request_id(session_id: str) -> str:
    """The session's id itself where that is a UUID already, as those that are made here are."""
    try:
        return str(uuid.UUID(session_id))
    except ValueError:
        return _uuid(session_id)


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


def _gap(gap: Gap, channel: int) -> rest.Gap:
    return rest.Gap(
        channel=channel, start=round(gap.start, 3), end=round(gap.end, 3), reason=gap.reason
    )


def _word(word: SpokenWord) -> Word:
    return Word(
        word=rest.bare(word.text),
        start=round(word.start, 3),
        end=round(word.end, 3),
        confidence=round(min(max(word.confidence, 0.0), 1.0), 6),
        punctuated_word=word.text,
        speaker=_number(word.speaker_label),
    )


def _number(label: str | None) -> int | UnsetType:
    """A voice as Deepgram writes it."""
    return int(label) if label is not None and label.isdecimal() else UNSET


def _uuid(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))
