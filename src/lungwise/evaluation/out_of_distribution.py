"""Pictures that are not chest films: wallpapers, icons, drawings and photographs from software packages."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from itertools import islice, zip_longest
from pathlib import Path

from PIL import Image

from lungwise.evaluation.metrics import proportion
from lungwise.evaluation.results import FilmReader, Track
from lungwise.evaluation.schema import Refusals
from lungwise.films import Refusal
from lungwise.films.limits import MIN_SIDE

HALVES = ("tuning", "reported")
_EACH = 200
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def refused_pictures(reader: FilmReader, folder: Path, track: Track) -> Refusals:
    """Read every picture of a folder: how many were refused, and why.

    Raises
    ------
    ValueError
        If the folder holds no picture.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    outcomes = [file.outcome for file in track(reader.read_many(paths), "other pictures", len(paths))]
    share = proportion([isinstance(outcome, Refusal) for outcome in outcomes])
    if share is None:
        raise ValueError(f"{folder} holds no pictures; collect some with bin/other-pictures.")
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Refusal)]
    return {"share": share, "codes": {code: codes.count(code) for code in sorted(set(codes))}}


def collect(packages: Path, folder: Path) -> None:
    """Copy pictures out of unpacked packages, as many of each package as there is room for.

    They are taken in the order of their hashes, so that the same packages give the same halves on every machine.

    Parameters
    ----------
    packages
        A folder with a folder for each package.
    folder
        Where `tuning` and `reported` are made.
    """
    piles = [_by_digest(package) for package in sorted(packages.iterdir()) if package.is_dir()]
    dealt = dict(picture for layer in zip_longest(*piles) for picture in layer if picture)
    for n, (digest, picture) in enumerate(islice(dealt.items(), len(HALVES) * _EACH)):
        half = folder / HALVES[n % len(HALVES)]
        half.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, half / f"{digest[:16]}{picture.suffix.lower()}")


def _by_digest(package: Path) -> list[tuple[str, Path]]:
    pictures = [path for path in package.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()]
    return sorted((hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in pictures if _is_large(path))


def _is_large(path: Path) -> bool:
    """Smaller ones are refused by their size alone, which would measure nothing."""
    try:
        with Image.open(path) as image:
            return min(image.size) >= MIN_SIDE
    except (OSError, Image.DecompressionBombError):
        return False


def main(arguments: Sequence[str]) -> None:
    """Collect, as `bin/other-pictures` asks."""
    packages, folder = map(Path, arguments)
    collect(packages, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
