"""What is known of a call besides its words."""

from callscribe.export.source import Model, Source


def test_nothing_is_known_unless_it_is_said() -> None:
    assert Source() == Source(created=None, duration=0.0, speakers=(), models=(), sha256="")
    assert Model("whisper") == Model("whisper", "")
