"""Where transcripts go: to standard output, a file, or a file each in a folder.

All that stands in the way is said before any work begins. May import ``errors`` and ``export``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from callscribe.errors import ConfigurationError
from callscribe.export import FORMATS

SCREEN = "-"
"""What standard output is called."""


def choose_targets(
    files: Sequence[Path], form: str, output: str, *, force: bool
) -> list[Path | None]:
    """The file for each recording's transcript, None for standard output.

    ``output`` is ``-``, a file with the suffix of a format (for one recording), or a folder.
    ``ConfigurationError`` where one transcript would replace another, or what is there already;
    the latter only without ``force``.
    """
    if output == SCREEN:
        if len(files) > 1 and form in ("srt", "vtt"):
            raise ConfigurationError(f"several {form} files need a folder: --output FOLDER")
        return [None] * len(files)
    place = Path(output).expanduser()
    if _is_file(place):
        targets = [_one_file(place, files, form)]
    else:
        targets = [place / f"{path.stem}{FORMATS[form].suffix}" for path in files]
    if len(set(targets)) < len(targets):
        raise ConfigurationError(
            "two of the files have the same name, so that one transcript would replace the other; "
            "write them to different folders"
        )
    there = [str(path) for path in targets if path.exists()]
    if there and not force:
        raise ConfigurationError(
            f"{', '.join(there)}: there already; write over it with --force, or name another place "
            "with --output"
        )
    return list(targets)


def _is_file(place: Path) -> bool:
    named = place.suffix in {kind.suffix for kind in FORMATS.values()}
    return place.is_file() or (named and not place.is_dir())


def _one_file(place: Path, files: Sequence[Path], form: str) -> Path:
    suffix = FORMATS[form].suffix
    if len(files) > 1:
        raise ConfigurationError(
            f"{place} is one file and there are {len(files)} recordings; name a folder with "
            "--output FOLDER"
        )
    if place.suffix != suffix:
        fit = next((name for name, kind in FORMATS.items() if kind.suffix == place.suffix), "")
        also = f", or say --format {fit}" if fit else ""
        raise ConfigurationError(
            f"{place} is no name for a transcript as {form}; name a file that ends in {suffix}, "
            f"or a folder{also}"
        )
    return place
