"""One door to all formats."""

import pytest

from callscribe.errors import ConfigurationError
from callscribe.export import FORMATS, export

from .test_deepgram import KNOWN
from .transcripts import CALL


def test_every_format_is_written() -> None:
    assert set(FORMATS) == {"text", "json", "srt", "vtt", "deepgram"}
    for name, kind in FORMATS.items():
        assert export(CALL, name, KNOWN) == kind.render(CALL, KNOWN)
        assert "Rouge" in export(CALL, name)


def test_an_unknown_format_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="text, json, srt, vtt") as caught:
        export(CALL, "pdf")
    assert caught.value.code == "bad_format"
