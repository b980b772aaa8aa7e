from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lungwise.evaluation.out_of_distribution import collect, refused_pictures
from lungwise.evaluation.results import FilmReader


def draw(path: Path, grey: int, side: int = 80) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), grey, np.uint8)).save(path)


def test_the_refused_share_counts_codes(reader: FilmReader, tmp_path: Path, untracked: Callable[..., Any]) -> None:
    for number, grey in enumerate((0, 0, 200)):
        draw(tmp_path / f"{number}.png", grey)

    refused = refused_pictures(reader, tmp_path, untracked)

    assert refused["codes"] == {"not-chest": 2}
    assert refused["share"]["value"] == pytest.approx(2 / 3, abs=1e-5)


def test_an_empty_folder_says_how_to_fill_it(reader: FilmReader, tmp_path: Path, untracked: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="bin/other-pictures"):
        refused_pictures(reader, tmp_path, untracked)


def test_pictures_are_dealt_from_every_package_into_two_halves_without_thumbnails(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / "packages" / "icons" / f"{number}.png", number)
    draw(tmp_path / "packages" / "walls" / "deep" / "a.png", 99)
    draw(tmp_path / "packages" / "walls" / "small.png", 98, side=20)

    collect(tmp_path / "packages", tmp_path / "out")

    halves = [{path.name for path in (tmp_path / "out" / half).iterdir()} for half in ("tuning", "reported")]
    assert sorted(map(len, halves)) == [3, 4]
    assert not halves[0] & halves[1]
