"""Where transcripts go, and what is never written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.cli.targets import choose_targets
from callscribe.errors import ConfigurationError

CALL, TWIN, OTHER = Path("a/call.wav"), Path("b/call.mp3"), Path("a/other.wav")


def choose(output: str | Path, *files: Path, form: str = "srt", force: bool = False) -> list[str]:
    found = choose_targets(files or (CALL,), form, str(output), force=force)
    return [str(path) for path in found]


def test_the_screen_takes_texts_and_one_of_the_others() -> None:
    assert choose("-", CALL, OTHER, form="text") == ["None", "None"]
    assert choose("-") == ["None"]
    with pytest.raises(ConfigurationError, match="several vtt files need a folder"):
        choose("-", CALL, OTHER, form="vtt")


def test_a_folder_takes_a_file_each(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "new", tmp_path / "2026.11"):
        assert choose(folder, CALL, OTHER) == [f"{folder}/call.srt", f"{folder}/other.srt"]
    (tmp_path / "odd.srt").mkdir()
    assert choose(tmp_path / "odd.srt") == [f"{tmp_path}/odd.srt/call.srt"]


def test_a_name_with_the_formats_suffix_is_a_file(tmp_path: Path) -> None:
    assert choose(tmp_path / "new" / "said.srt") == [f"{tmp_path}/new/said.srt"]
    with pytest.raises(ConfigurationError, match=r"ends in \.srt, or a folder, or .*--format vtt"):
        choose(tmp_path / "said.vtt")


def test_a_file_that_is_no_transcript_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "call.wav").touch()
    with pytest.raises(ConfigurationError, match=r"call\.wav is no name for a transcript as srt"):
        choose(tmp_path / "call.wav", force=True)


def test_several_recordings_do_not_fit_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    for name in ("there", "new.srt"):
        with pytest.raises(ConfigurationError, match=r"is one file and there are 2 recordings"):
            choose(tmp_path / name, CALL, OTHER, force=True)


def test_no_transcript_replaces_that_of_another_recording(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="have the same name"):
        choose(tmp_path, CALL, TWIN, force=True)


@pytest.mark.parametrize("output", ["", "call.srt"])
def test_what_is_there_is_kept_without_force(tmp_path: Path, output: str) -> None:
    (tmp_path / "call.srt").touch()
    with pytest.raises(ConfigurationError, match=r"call\.srt: there already; .*--force"):
        choose(tmp_path / output)
    assert choose(tmp_path / output, force=True) == [f"{tmp_path}/call.srt"]
