"""What is on this machine of a model, without fetching or making anything.

May import ``errors`` and the model modules beside it.
"""

from __future__ import annotations

from pathlib import Path

from callscribe.engines.whisper.model_files import Progress, verify_model, what_is_missing
from callscribe.engines.whisper.models import claimed_model, known_model
from callscribe.engines.whisper.packaged import find_pieces


def find_model(name: str, models_dir: Path) -> Path | None:
    """The folder of a model on this machine, whether or not it is whole; None where it has none."""
    known = known_model(name)
    if known is None and (folder := Path(name).expanduser()).is_dir():
        return folder
    if known is not None and (models_dir / known.folder_name).is_dir():
        return models_dir / known.folder_name
    return _in_hub_cache(known.repo if known else name, known.revision if known else None)


def is_installed(name: str) -> bool:
    """True if packages with the model are installed, from which it can be put together."""
    known = known_model(name)
    return known is not None and find_pieces(known.pieces) is not None


def inspect_model(name: str, folder: Path, *, progress: Progress | None = None) -> list[str]:
    """Reads all of a model's files where their sums are known; returns what is wrong, a line each.

    Of other models it only sees whether the files are there.
    """
    known = known_model(name) or claimed_model(folder)
    if known is not None:
        return [str(problem) for problem in verify_model(folder, known.sums, progress=progress)]
    return [f"{folder} lacks {missing}" for missing in what_is_missing(folder)]


def _in_hub_cache(name: str, revision: str | None) -> Path | None:
    from faster_whisper.utils import download_model  # takes 0.4 s to import

    try:
        return Path(download_model(name, local_files_only=True, revision=revision))
    except (OSError, ValueError):
        return None
