"""What the doctor says of the store, the telephone and the agents."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callscribe.cli.findings import State
from callscribe.cli.house_checks import check_agents, check_house, check_store, check_telephone
from callscribe.settings import Settings


def settings(folder: Path, **more: object) -> Settings:
    return Settings.model_validate({"data_dir": folder, **more})


def test_nothing_is_wrong_with_the_defaults(tmp_path: Path) -> None:
    found = {finding.name: finding for finding in check_house(settings(tmp_path))}
    assert {name: f.state for name, f in found.items()} == {
        "Store": State.GOOD,
        "Telephone": State.NOTE,
        "Agents": State.GOOD,
    }
    assert found["Store"].detail == "calls are kept in SQLite"
    assert found["Agents"].detail == "entities"


@pytest.mark.skipif(os.name != "posix", reason="asks for a Unix path")
def test_a_store_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sqlite = check_store(settings(tmp_path / "file"))
    assert (sqlite.state, "CALLSCRIBE_DATA_DIR" in sqlite.advice) == (State.BAD, True)
    nobody = "postgresql://user:secret@127.0.0.1:9/calls"
    postgres = check_store(settings(tmp_path, database_url=nobody))
    assert (postgres.state, "CALLSCRIBE_DATABASE_URL" in postgres.advice) == (State.BAD, True)
    assert "secret" not in postgres.detail + postgres.advice


def test_a_telephone_that_is_half_connected(tmp_path: Path) -> None:
    token = {"twilio_auth_token": "t"}
    half = check_telephone(settings(tmp_path, **token))
    assert (half.state, "CALLSCRIBE_PUBLIC_URL" in half.advice) == (State.NOTE, True)
    plain = check_telephone(settings(tmp_path, **token, public_url="http://calls.example.com"))
    assert (plain.state, "https" in plain.advice) == (State.BAD, True)
    here = {**token, "public_url": "https://calls.example.com"}
    once = check_telephone(settings(tmp_path, **here))
    assert (once.state, "ACCOUNT_SID" in once.advice) == (State.NOTE, True)
    whole = check_telephone(settings(tmp_path, **here, twilio_account_sid="AC" + "0" * 32))
    assert whole.state is State.GOOD


def test_a_wrong_setting_of_an_agent(tmp_path: Path) -> None:
    found = check_agents(settings(tmp_path, webhook_url="not an address"))
    assert found.state is State.BAD
    good = check_agents(settings(tmp_path, watchlist="résilier"))
    assert (good.state, good.detail) == (State.GOOD, "entities, watchlist")
