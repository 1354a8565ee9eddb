"""The demo calls are there, and are what they say."""

import pytest

from callscribe.demo.call import languages, load_call
from callscribe.errors import ConfigurationError


@pytest.mark.parametrize("language", languages())
def test_a_call_has_two_legs_of_the_same_length(language: str) -> None:
    call = load_call(language)
    assert {leg.rate for leg in call.legs.values()} == {8_000, 16_000}
    for leg in call.legs.values():
        assert len(leg.samples) / leg.rate == pytest.approx(call.seconds, abs=0.1)
        assert len(leg.text.split()) > 20
    assert call.legs["technician"].rate == 8_000


def test_french_and_english_are_there() -> None:
    assert languages() == ["en", "fr"]
    with pytest.raises(ConfigurationError, match="there are en, fr"):
        load_call("de")
