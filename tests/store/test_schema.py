"""The columns' own types."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from callscribe.store.schema import Chars, from_json, metadata, to_json

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\x1a0a\ud800"))


@given(ANY)
def test_any_text_can_be_kept(text: str) -> None:
    column, dialect = Chars(), sqlite.dialect()
    kept = column.process_bind_param(text, dialect)
    assert kept is not None
    assert "\x00" not in kept
    kept.encode()
    assert column.process_result_value(kept, dialect) == text


def test_nothing_stays_nothing() -> None:
    assert Chars().process_bind_param(None, sqlite.dialect()) is None
    assert Chars().process_result_value(None, sqlite.dialect()) is None


@given(st.dictionaries(ANY, ANY | st.floats(allow_nan=False) | st.none()))
def test_json_is_ascii(value: dict[str, object]) -> None:
    assert to_json(value).isascii()
    assert from_json(to_json(value)) == value


def test_every_table_knows_its_call() -> None:
    assert all("session_id" in table.c for table in metadata.sorted_tables)
