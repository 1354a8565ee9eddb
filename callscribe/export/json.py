"""A transcript as JSON: everything that is known, words with times and confidence included.

May import ``transcript``.
"""

from __future__ import annotations

import json

from callscribe.transcript import Transcript


def to_json(transcript: Transcript) -> str:
    """Indented JSON text of ``Transcript.to_dict``, times in seconds."""
    return json.dumps(transcript.to_dict(), ensure_ascii=False, indent=2) + "\n"
