"""Our own server, whose Whisper hears each utterance by itself: ``python -m benchmarks.forgetful``.

It usually hears a hard voice behind what that voice said before, which a connection that has just
begun cannot know. Without that it hears the same audio the same way on an old connection and on a
new one, so that what is left between two runs is what got lost on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from callscribe.__main__ import main
from callscribe.engines.whisper.memory import Memory
from callscribe.transcript import Word


def forget() -> None:
    """Has all legs of this process remember nothing."""

    def remember(_self: Memory, _words: Sequence[Word], _log_probability: float) -> None:
        return

    Memory.remember = remember  # type: ignore[method-assign]


if __name__ == "__main__":
    forget()
    main()
