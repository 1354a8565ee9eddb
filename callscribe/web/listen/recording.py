"""Transcribes a recording and tells it in the form of Deepgram's answer.

May import ``audio``, ``engines.base``, ``transcript``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from callscribe.audio import RATE, FloatArray
from callscribe.engines.base import FileEngine
from callscribe.transcript import Result, join_text, mean_confidence
from callscribe.web.listen.plan import model_info
from callscribe.web.listen.upload import Upload
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram import Word, model_uuid

SPLIT: Final = 0.8
"""Seconds of silence between two utterances, unless the client says otherwise."""

PARAGRAPH_GAP: Final = 2.0
LONGEST_PARAGRAPH: Final = 5
"""Sentences of one paragraph."""

SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")


async def transcribe(
    engine: FileEngine, upload: Upload, request_id: str, model: str
) -> rest.Recording:
    """The whole answer for a recording; errors of the engine and of ``media``."""
    plan = upload.plan
    split = bool(plan.query.multichannel) and upload.channels > 1
    channels: list[int | None] = list(range(upload.channels)) if split else [None]
    samples: Counter[int | None] = Counter()

    async def counted(channel: int | None) -> AsyncIterator[FloatArray]:
        async for block in upload.blocks(channel):
            samples[channel] += len(block)
            yield block

    heard = [
        await engine.transcribe_blocks(counted(channel), plan.language, keyterms=plan.query.keyterm)
        for channel in channels
    ]
    key = model_uuid(model)
    created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return rest.Recording(
        metadata=rest.RecordingMetadata(
            transaction_key="deprecated",
            request_id=request_id,
            sha256=upload.sha256,
            created=created,
            duration=round(max(samples.values(), default=0) / RATE, 6),
            channels=len(channels),
            models=[key],
            model_info={key: model_info(model)},
            tags=list(plan.query.tag) or UNSET,
            extra=_extra(plan.query.extra) or UNSET,
        ),
        results=rest.Results(
            channels=[_channel(results, upload) for results in heard],
            utterances=_utterances(heard, upload) if plan.query.utterances else UNSET,
        ),
    )


def _channel(results: Sequence[Result], upload: Upload) -> rest.Channel:
    query = upload.plan.query
    words = [word for result in results for word in _words(result, upload)]
    detected = next((r.language for r in results if r.language), None)
    spoken = [word for result in results for word in result.words]
    return rest.Channel(
        alternatives=[
            rest.Alternative(
                transcript=_text(words),
                confidence=round(mean_confidence(spoken), 6),
                words=words,
                paragraphs=_paragraphs(words) if query.paragraphs else UNSET,
            )
        ],
        detected_language=detected if query.detect_language and detected else UNSET,
    )


def _words(result: Result, upload: Upload) -> list[Word]:
    query = upload.plan.query
    formatted = bool(query.punctuate or query.smart_format or query.paragraphs)
    return [
        Word(
            word=rest.bare(word.text),
            start=round(word.start, 3),
            end=round(word.end, 3),
            confidence=round(min(max(word.confidence, 0.0), 1.0), 6),
            punctuated_word=word.text if formatted else UNSET,
            language=result.language if query.language == "multi" and result.language else UNSET,
        )
        for word in result.words
    ]


def _text(words: Sequence[Word]) -> str:
    return join_text(word.shown for word in words)


def _utterances(heard: Sequence[Sequence[Result]], upload: Upload) -> list[rest.Utterance]:
    split = upload.plan.query.utt_split or SPLIT
    found: list[rest.Utterance] = []
    for channel, results in enumerate(heard):
        words = [word for result in results for word in _words(result, upload)]
        found += [_utterance(group, channel) for group in _grouped(words, split)]
    return sorted(found, key=lambda utterance: utterance.start)


def _utterance(words: list[Word], channel: int) -> rest.Utterance:
    return rest.Utterance(
        start=words[0].start,
        end=words[-1].end,
        confidence=round(sum(word.confidence for word in words) / len(words), 6),
        channel=channel,
        transcript=_text(words),
        words=words,
        id=str(uuid.uuid4()),
    )


def _grouped(words: Sequence[Word], gap: float) -> list[list[Word]]:
    groups: list[list[Word]] = []
    for word in words:
        if groups and word.start - groups[-1][-1].end < gap:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _paragraphs(words: Sequence[Word]) -> rest.Paragraphs:
    paragraphs: list[list[list[Word]]] = []
    for stretch in _grouped(words, PARAGRAPH_GAP):
        sentences = _sentences(stretch)
        paragraphs += [
            sentences[at : at + LONGEST_PARAGRAPH]
            for at in range(0, len(sentences), LONGEST_PARAGRAPH)
        ]
    told = [
        rest.Paragraph(
            sentences=[
                rest.Sentence(text=_text(s), start=s[0].start, end=s[-1].end) for s in sentences
            ],
            num_words=sum(len(s) for s in sentences),
            start=sentences[0][0].start,
            end=sentences[-1][-1].end,
        )
        for sentences in paragraphs
    ]
    texts = [" ".join(sentence.text for sentence in p.sentences) for p in told]
    return rest.Paragraphs(transcript="\n" + "\n\n".join(texts), paragraphs=told)


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    sentences: list[list[Word]] = [[]]
    for word in words:
        sentences[-1].append(word)
        if word.shown.endswith(SENTENCE_ENDS):
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def _extra(pairs: Sequence[str]) -> dict[str, str]:
    return {key: value for key, _, value in (pair.partition(":") for pair in pairs)}
