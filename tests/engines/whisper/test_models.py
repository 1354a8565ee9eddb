"""Which model a name means, where it comes from, and that it is the right one."""

import hashlib
import json
from pathlib import Path

import faster_whisper.utils
import pytest

from callscribe.engines.whisper import models
from callscribe.engines.whisper.models import (
    KNOWN_MODELS,
    KnownModel,
    known_model,
    model_names,
    resolve_model,
    verify_model,
)
from callscribe.engines.whisper.packaged import Piece
from callscribe.errors import ModelError

FILES = {
    "model.bin": b"weights",
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"word",
}


def write_files(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small known model ``mini`` whose package is installed; returns the package's folder."""
    package = write_files(tmp_path / "site" / "mini_model")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(package.parent)
    mini = KnownModel(
        size="mini",
        repo="someone/whisper-mini",
        revision="abc",
        license="MIT",
        sums={name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
        packages=("mini-model",),
        pieces={name: (Piece("mini_model", name),) for name in FILES},
    )
    monkeypatch.setattr(models, "KNOWN_MODELS", {"mini": mini})
    return package


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """A hub that has nothing; what it was asked is in the list."""
    asked: list[dict[str, object]] = []

    def download(name: str, **options: object) -> str:
        asked.append({"name": name, **options})
        raise FileNotFoundError("no network\nsecond line")

    monkeypatch.setattr(faster_whisper.utils, "download_model", download)
    return asked


def give(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(faster_whisper.utils, "download_model", lambda *_, **__: str(folder))


def test_the_real_model_is_put_together_from_its_packages(tmp_path: Path) -> None:
    folder = resolve_model("base", tmp_path)
    assert folder == tmp_path / "whisper-base"
    assert (folder / "model.bin").stat().st_size == 145_217_532
    assert verify_model(folder, KNOWN_MODELS["base"].sums) == []
    assert json.loads((folder / "config.json").read_text())["alignment_heads"]


@pytest.mark.usefixtures("package")
def test_a_warm_start_reads_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve_model("mini", tmp_path / "models")

    def not_again(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(models, "verify_model", not_again)
    monkeypatch.setattr(models, "assemble", not_again)
    assert resolve_model("mini", tmp_path / "models") == first
    assert resolve_model("someone/whisper-mini", tmp_path / "models") == first


@pytest.mark.usefixtures("package")
def test_a_damaged_copy_is_made_anew(tmp_path: Path) -> None:
    folder = resolve_model("mini", tmp_path / "models")
    (folder / "model.bin").write_bytes(b"w")
    (folder / "config.json").unlink()
    assert resolve_model("mini", tmp_path / "models") == folder
    assert verify_model(folder, models.KNOWN_MODELS["mini"].sums) == []


def test_a_damaged_copy_without_a_source_is_named(
    tmp_path: Path, package: Path, hub: list[dict[str, object]]
) -> None:
    folder = resolve_model("mini", tmp_path / "models")
    (package / "model.bin").unlink()
    (folder / "model.bin").write_bytes(b"w")
    with pytest.raises(ModelError) as caught:
        resolve_model("mini", tmp_path / "models")
    message = caught.value.message
    for part in (
        str(folder / "model.bin"),
        hashlib.sha256(b"weights").hexdigest(),
        hashlib.sha256(b"w").hexdigest(),
        "callscribe models fetch",
    ):
        assert part in message
    assert hub == []


def test_a_whole_copy_without_a_stamp_is_checked_and_taken(tmp_path: Path, package: Path) -> None:
    folder = write_files(tmp_path / "models" / "whisper-mini")
    (package / "model.bin").unlink()
    assert resolve_model("mini", tmp_path / "models") == folder
    assert (tmp_path / "models" / "verified.json").exists()


def test_damaged_packages_are_named(tmp_path: Path, package: Path) -> None:
    (package / "tokenizer.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match=r"tokenizer.json .*--force-reinstall .*mini-model"):
        resolve_model("mini", tmp_path / "models")
    assert not (tmp_path / "models" / "whisper-mini").exists()


def test_without_packages_the_hub_is_asked_for_the_very_revision(
    tmp_path: Path, package: Path, hub: list[dict[str, object]]
) -> None:
    (package / "model.bin").unlink()
    with pytest.raises(
        ModelError, match=r"no network\)\. Install it as packages: pip install mini"
    ):
        resolve_model("mini", tmp_path, offline=True)
    assert hub == [{"name": "someone/whisper-mini", "local_files_only": True, "revision": "abc"}]


def test_what_the_hub_gives_is_checked(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "model.bin").unlink()
    cache = write_files(tmp_path / "cache")
    give(monkeypatch, cache)
    assert resolve_model("mini", tmp_path / "models") == cache
    (cache / "model.bin").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"cache/model\.bin is not the right file"):
        resolve_model("mini", tmp_path / "models")


def test_other_models_come_from_the_hub_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    give(monkeypatch, write_files(tmp_path / "cache"))
    folder = resolve_model("someone/other", tmp_path, progress=lambda what, *_: seen.append(what))
    assert folder == tmp_path / "cache"
    assert seen == ["fetching someone/other from the model hub"]
    (folder / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"someone/other .* lacks: model\.bin"):
        resolve_model("someone/other", tmp_path)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model 'huge'.*tiny.*base.*large-v3"):
        resolve_model("huge", tmp_path)
    assert "base" in model_names()


@pytest.mark.usefixtures("package")
def test_a_users_folder_of_any_model_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", {**FILES, "model.bin": b"tuned"})
    assert resolve_model(str(folder), tmp_path / "models") == folder


@pytest.mark.usefixtures("package")
def test_a_users_folder_named_after_a_known_model_is_checked(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "whisper-mini", {**FILES, "model.bin": b"tuned"})
    with pytest.raises(ModelError, match=r"whisper-mini/model\.bin is not the right file"):
        resolve_model(str(folder), tmp_path / "models")
    write_files(folder)
    assert resolve_model(str(folder), tmp_path / "models") == folder


def test_a_folder_that_is_not_there_or_no_model_is_said(tmp_path: Path) -> None:
    for name, expected in (
        (str(tmp_path / "nowhere"), "no folder"),
        ("./nowhere", "no folder nowhere"),
        (str(tmp_path), "is not the folder of a Whisper model"),
    ):
        with pytest.raises(ModelError, match=expected):
            resolve_model(name, tmp_path)


@pytest.mark.usefixtures("package")
def test_a_size_means_the_model_even_where_a_folder_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_model("mini", Path("models")) == Path("models/whisper-mini")


def test_known_models_are_found_by_size_and_hub_name() -> None:
    assert known_model("base") is known_model("Systran/faster-whisper-base")
    assert known_model("tiny") is None
