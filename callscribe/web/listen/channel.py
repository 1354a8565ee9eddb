"""What the recogniser says about one channel, told the way Deepgram tells it.

Deepgram covers a channel with segments that touch: interims restate the open segment from its
start, a final closes it, and the next one begins at ``start + duration``. Silence is covered too,
by finals without words. May import ``engines.base``, ``transcript`` and ``wire``.
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from callscribe.engines.base import EngineEvent, SpeechBegan
from callscribe.transcript import Result
from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_query import ListenQuery
from callscribe.wire.deepgram_rest import bare

SILENT_SEGMENT: Final = 5.0
"""Seconds of silence that one final without words covers."""

INTERIM_EVERY: Final = 1.0
"""Seconds of audio after which an interim comes anyway, words or none: who gets nothing while
somebody speaks takes the server for dead."""

SETTLED: Final = 1.5
"""Seconds that the recogniser may need to hear that somebody began to speak."""


class ChannelText:
    """The open segment of one channel and what has been said about it.

    ``metadata`` goes into every message. All times are seconds of audio received.
    """

    def __init__(
        self, index: int, channels: int, query: ListenQuery, metadata: dg.ResultsMetadata
    ) -> None:
        self._index = [index, channels]
        self._query = query
        self._metadata = metadata
        self._formatted = bool(query.punctuate or query.smart_format)
        self._start = 0.0
        self._shown = 0.0
        self._said: Result | None = None
        """What was said last of the open segment."""
        self._heard = 0.0
        self._reported = 0.0
        """How far it was when ``Results`` were told last."""
        self._speaking = False
        self._began = 0.0
        """Where the latest utterance begins; a final may come after the next one has begun."""
        self._last_word: float | None = None

    def tell(self, event: EngineEvent) -> list[dg.ServerMessage]:
        """The messages for what the recogniser has said."""
        if isinstance(event, SpeechBegan):
            return self._open(event)
        if not isinstance(event, Result):
            return []  # what is unheard is covered by the final without words that follows
        if event.is_final:
            return self._final(event)
        return self._interim(event)

    def advance(self, received: float) -> list[dg.ServerMessage]:
        """The messages that are due only because time went on: silence, its ends, signs of life."""
        self._heard = received
        messages: list[dg.ServerMessage] = []
        if not self._speaking:
            messages += self._utterance_end(received)
            if received - self._start >= SILENT_SEGMENT + SETTLED:
                messages.append(self._empty(self._start + SILENT_SEGMENT))
        return messages + self._sign_of_life(received)

    def _sign_of_life(self, received: float) -> list[dg.ServerMessage]:
        """The open segment once more, when nothing has been said about it for a while."""
        if not self._query.interim_results or received < self._reported + INTERIM_EVERY:
            return []
        self._shown = max(self._shown, received)
        said = self._said or Result("", self._start, received, is_final=False)
        return [self._results(said, self._shown, is_final=False, speech_final=False)]

    def finish(self, received: float) -> list[dg.ServerMessage]:
        """Covers what is left when no more audio comes."""
        return [self._empty(received)] if received > self._start + 0.001 else []

    def _utterance_end(self, silent_to: float) -> list[dg.ServerMessage]:
        """The word gap is over, if nobody spoke from the last word to here."""
        wait = (self._query.utterance_end_ms or 0) / 1000
        if not wait or self._last_word is None or silent_to < self._last_word + wait:
            return []
        end, self._last_word = round(self._last_word, 3), None
        return [dg.UtteranceEnd(channel=self._index, last_word_end=end)]

    def _open(self, event: SpeechBegan) -> list[dg.ServerMessage]:
        self._speaking = True
        self._began = event.start
        if not self._query.vad_events:
            return []
        return [dg.SpeechStarted(channel=self._index, timestamp=round(event.start, 3))]

    def _interim(self, result: Result) -> list[dg.ServerMessage]:
        if not self._query.interim_results:
            return []
        self._speaking = True
        self._said = result
        self._shown = max(self._shown, result.end)
        return [self._results(result, self._shown, is_final=False, speech_final=False)]

    def _final(self, result: Result) -> list[dg.ServerMessage]:
        endpoint = result.speech_final and self._query.endpointing is not False
        if result.speech_final:
            self._speaking = self._began > result.end
        if result.words:
            self._last_word = result.words[-1].end
        # The silence that was heard behind the last word is settled, too.
        end = max(result.end, result.until or 0.0)
        message = self._results(result, end, is_final=True, speech_final=endpoint)
        self._close(message)
        return [message, *(self._utterance_end(self._began) if self._speaking else [])]

    def _results(
        self, result: Result, end: float, *, is_final: bool, speech_final: bool
    ) -> dg.Results:
        self._reported = self._heard
        words = [self._word(result, index) for index in range(len(result.words))]
        shown = " ".join(word.shown for word in words)
        languages = [result.language] if result.language and self._query.language == "multi" else []
        return dg.Results(
            channel_index=self._index,
            start=round(self._start, 3),
            duration=round(max(end - self._start, 0.0), 3),
            is_final=is_final,
            speech_final=speech_final,
            from_finalize=result.from_finalize,
            channel=dg.Channel(
                alternatives=[
                    dg.Alternative(
                        transcript=shown,
                        confidence=round(result.confidence, 6),
                        words=words,
                        languages=languages or UNSET,
                    )
                ]
            ),
            metadata=self._metadata,
        )

    def _word(self, result: Result, index: int) -> dg.Word:
        word = result.words[index]
        start = max(word.start, self._start)
        return dg.Word(
            word=bare(word.text),
            start=round(start, 3),
            end=round(max(word.end, start), 3),
            confidence=round(min(max(word.confidence, 0.0), 1.0), 6),
            punctuated_word=word.text if self._formatted else UNSET,
            language=result.language
            if result.language and self._query.language == "multi"
            else UNSET,
        )

    def _empty(self, end: float) -> dg.Results:
        silence = Result("", self._start, end, is_final=True)
        message = self._results(silence, end, is_final=True, speech_final=False)
        self._close(message)
        return message

    def _close(self, final: dg.Results) -> None:
        self._start += final.duration
        self._shown = self._start
        self._said = None
