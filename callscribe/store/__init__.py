"""The store wing: what outlives the process."""

from __future__ import annotations

from callscribe.store.files import TranscriptFiles

__all__ = ["TranscriptFiles"]
