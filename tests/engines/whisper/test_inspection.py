"""What is on this machine of a model."""

from pathlib import Path

from callscribe.engines.whisper.inspection import find_model, inspect_model, is_installed
from callscribe.engines.whisper.models import KNOWN_MODELS

from .test_models import write_files


def test_a_model_is_found_where_it_was_put_together(tmp_path: Path) -> None:
    assert is_installed("base")
    assert not is_installed("tiny")
    folder = write_files(tmp_path / "whisper-base")
    assert find_model("base", tmp_path) == folder
    assert find_model("Systran/faster-whisper-base", tmp_path) == folder
    assert find_model(str(folder), tmp_path) == folder
    assert find_model("no-such-size", tmp_path) is None


def test_files_with_known_sums_are_read_others_only_counted(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "whisper-base")
    assert len(inspect_model("base", folder)) == len(KNOWN_MODELS["base"].sums)
    assert len(inspect_model(str(folder), folder)) == len(KNOWN_MODELS["base"].sums)
    other = write_files(tmp_path / "mine")
    assert inspect_model(str(other), other) == []
    (other / "vocabulary.txt").unlink()
    assert inspect_model(str(other), other) == [f"{other} lacks vocabulary.*"]
