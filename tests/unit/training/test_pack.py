from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungwise.films.collection import read_collection
from lungwise.training.dataset import load_samples
from lungwise.training.pack import pack

pytestmark = pytest.mark.training


def silent(_what: str, _done: int, _of: int) -> None:
    """Progress nobody watches."""


def test_a_copy_teaches_the_same_films(small_collection: Path, tmp_path: Path) -> None:
    count = pack(small_collection, tmp_path / "copy", ("train",), silent)

    originals = [film for film in read_collection(small_collection) if film.split == "train"]
    copies = read_collection(tmp_path / "copy" / "films.csv")
    assert count == len(copies) == len(originals) == 16
    for original, copy in zip(load_samples(originals), load_samples(copies), strict=True):
        assert (original.film.patient, original.boxes) == (copy.film.patient, copy.boxes)
        assert np.corrcoef(original.pixels.ravel(), copy.pixels.ravel())[0, 1] > 0.95


def test_a_large_film_becomes_small_and_keeps_its_aspect(small_collection: Path, tmp_path: Path) -> None:
    film = np.random.default_rng(0).integers(0, 256, (600, 400), np.uint8)
    Image.fromarray(film).save(small_collection.parent / "0.png")

    pack(small_collection, tmp_path / "copy", ("train",), silent)

    with Image.open(tmp_path / "copy" / "0.webp") as copy:
        assert copy.size == (192, 288)


def test_a_film_that_a_reader_would_refuse_is_left_out(small_collection: Path, tmp_path: Path) -> None:
    Image.new("L", (40, 40), 9).save(small_collection.parent / "0.png")

    assert pack(small_collection, tmp_path / "copy", ("train",), silent) == 15


def test_a_film_whose_patient_is_in_a_split_that_is_not_packed_is_left_out(
    small_collection: Path, tmp_path: Path
) -> None:
    (small_collection.parent / "23.png").write_bytes((small_collection.parent / "3.png").read_bytes())

    pack(small_collection, tmp_path / "copy", ("train",), silent)

    assert "3.webp" not in [film.path.name for film in read_collection(tmp_path / "copy" / "films.csv")]
