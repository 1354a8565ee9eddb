"""The table of languages: complete against Whisper's own, ordered, every row well-formed."""

from __future__ import annotations

import unicodedata

import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from callscribe.languages import LANGUAGES, Language


def _key(language: Language) -> str:
    decomposed = unicodedata.normalize("NFKD", language.name)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def test_every_language_of_whisper_is_there_and_no_other() -> None:
    assert set(LANGUAGES) == set(_LANGUAGE_CODES)


def test_french_first_english_second_then_by_name() -> None:
    assert list(LANGUAGES)[:2] == ["fr", "en"]
    others = list(LANGUAGES.values())[2:]
    assert others == sorted(others, key=_key)


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_a_row_is_well_formed(code: str) -> None:
    language = LANGUAGES[code]
    assert language.code == code
    assert language.name.strip() == language.name != ""
    assert unicodedata.normalize("NFC", language.native) == language.native != ""
    points = [ord(char) for char in language.flag]
    assert points[0] == 0x1F3F4 or all(0x1F1E6 <= point <= 0x1F1FF for point in points)
    assert len(points) in {2, 7}


def test_names_are_not_given_twice() -> None:
    assert len({language.name for language in LANGUAGES.values()}) == len(LANGUAGES)
    assert len({language.native for language in LANGUAGES.values()}) == len(LANGUAGES)


def test_the_json_form() -> None:
    assert LANGUAGES["fr"].to_dict() == {
        "code": "fr",
        "name": "French",
        "native": "Français",
        "flag": "🇫🇷",
    }
