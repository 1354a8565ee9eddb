"""What a client may change while its stream runs, and in which words the rest is refused.

May import ``wire``.
"""

from __future__ import annotations

from callscribe.wire import deepgram as dg
from callscribe.wire.deepgram_query import MAX_KEYTERM_TOKENS, ListenQuery, keyterm_tokens


class Refusal(Exception):
    """A ``Configure`` that is not obeyed: Deepgram's code, and the reason for a person."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


def new_keyterms(
    asked: dg.Configure, query: ListenQuery, *, waiting: bool
) -> tuple[str, ...] | None:
    """The keyterms to go on with, None where they stay as they are; ``Refusal`` with the reason.

    ``waiting``: an earlier change is not in force yet.
    """
    if isinstance(asked.features, dg.Features) and asked.features.numerals is True:
        raise Refusal(
            "CONFIGURE_INTERNAL_ERROR", "this server writes numbers as they are spoken: no numerals"
        )
    if not isinstance(asked.keyterms, list):
        return None
    if waiting:
        raise Refusal(
            "CONFIGURE_ALREADY_PENDING",
            "the last change waits for the end of a sentence; send this one after its answer",
        )
    if query.model and not query.model.startswith(("nova-3", "flux")):
        raise Refusal(
            "CONFIGURE_KEYTERMS_NOT_SUPPORTED",
            f"the stream was opened for {query.model}, which takes no keyterms; nova-3 does",
        )
    tokens = keyterm_tokens(asked.keyterms)
    if tokens > MAX_KEYTERM_TOKENS:
        raise Refusal(
            "CONFIGURE_KEYTERM_LIMIT_EXCEEDED",
            f"the keyterms are about {tokens} tokens together; {MAX_KEYTERM_TOKENS} are allowed",
        )
    return tuple(asked.keyterms)
