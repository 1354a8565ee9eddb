"""How words become sentences, paragraphs and utterances; the routes' tests use real speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from callscribe.audio import FloatArray
from callscribe.transcript import Result, Word
from callscribe.web.listen.plan import make_plan
from callscribe.web.listen.recording import transcribe
from callscribe.web.listen.upload import Upload
from callscribe.wire import deepgram_rest as rest
from callscribe.wire.deepgram_query import ListenQuery


class Said:
    """An engine that has heard three sentences already: what is tested is how they are told."""

    async def transcribe_blocks(
        self,
        blocks: AsyncIterator[FloatArray],
        language: str,  # noqa: ARG002 - the contract's
        *,
        keyterms: tuple[str, ...] = (),  # noqa: ARG002
        on_progress: Callable[[float], None] | None = None,
    ) -> list[Result]:
        seconds = 0.0
        async for block in blocks:
            seconds += len(block) / 16_000
        if on_progress is not None:
            on_progress(seconds)
        lines = [(0.0, "Oui, bonjour."), (2.0, "Ça va?"), (6.0, "Au revoir.")]
        return [_said(start, text) for start, text in lines]


def _said(start: float, text: str) -> Result:
    words = tuple(
        Word(word, start + index * 0.4, start + index * 0.4 + 0.3, 0.9)
        for index, word in enumerate(text.split())
    )
    return Result(text, start, words[-1].end, True, True, words, 0.9, "fr")


def told(tmp_path: Path, **query: object) -> rest.Recording:
    path = tmp_path / "x"
    path.write_bytes(bytes(32_000 * 8))
    asked = ListenQuery(encoding="linear16", sample_rate=16_000, **query)  # type: ignore[arg-type]
    upload = Upload(path, "sum", None, make_plan(asked, streaming=False))
    return asyncio.run(transcribe(Said(), upload, "request", "whisper-base"))


def test_plain(tmp_path: Path) -> None:
    found = told(tmp_path)
    best = found.results.channels[0].alternatives[0]
    assert best.transcript == "oui bonjour ça va au revoir"
    assert (found.metadata.duration, found.metadata.sha256) == (8.0, "sum")
    assert b"utterances" not in found.encode()
    assert b"paragraphs" not in found.encode()


def test_paragraphs_and_utterances(tmp_path: Path) -> None:
    found = told(tmp_path, paragraphs=True, utterances=True)
    paragraphs = found.results.channels[0].alternatives[0].paragraphs
    assert isinstance(paragraphs, rest.Paragraphs)
    assert [[s.text for s in p.sentences] for p in paragraphs.paragraphs] == [
        ["Oui, bonjour.", "Ça va?"],
        ["Au revoir."],
    ]
    assert paragraphs.transcript == "\nOui, bonjour. Ça va?\n\nAu revoir."
    utterances = found.results.utterances
    assert isinstance(utterances, list)
    assert [u.transcript for u in utterances] == ["Oui, bonjour.", "Ça va?", "Au revoir."]


def test_utterances_are_split_where_the_client_says(tmp_path: Path) -> None:
    utterances = told(tmp_path, utterances=True, utt_split=1.5).results.utterances
    assert isinstance(utterances, list)
    assert [u.transcript for u in utterances] == ["oui bonjour ça va", "au revoir"]
