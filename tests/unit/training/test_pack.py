from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungwise.films.collection import read_collection
from lungwise.training.dataset import load_samples
from lungwise.training.out_of_fold import fold_of
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


def test_a_film_without_a_patient_stays_in_its_fold(small_collection: Path, tmp_path: Path) -> None:
    """The film's name stands for the patient, and its ending changes."""
    small_collection.write_text(small_collection.read_text().replace("siim,same-source,3,", "siim,same-source,,"))

    pack(small_collection, tmp_path / "copy", ("train",), silent)

    original, copy = (read_collection(table)[3] for table in (small_collection, tmp_path / "copy" / "films.csv"))
    assert copy.path.name == "3.webp"
    assert copy.patient == original.patient == "3.png"
    assert [fold_of(film, 1000) for film in (copy, original)] == [fold_of(original, 1000)] * 2


def test_a_collection_is_never_overwritten(small_collection: Path, tmp_path: Path) -> None:
    folder, other = small_collection.parent, tmp_path / "other"
    before = small_collection.read_text()
    other.mkdir()
    (other / "films.csv").write_text("of another collection")
    (folder / "some.csv").write_text(before)

    for target, table in ((folder, small_collection), (other, small_collection), (folder, folder / "some.csv")):
        with pytest.raises(ValueError, match="holds a collection already"):
            pack(table, target, ("train",), silent)

    assert small_collection.read_text() == before
    assert (other / "films.csv").read_text() == "of another collection"
    assert not list(folder.glob("*.webp"))


def test_the_source_is_known_by_another_name(small_collection: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(small_collection.parent)
    table = small_collection.rename(small_collection.with_name("some.csv"))

    with pytest.raises(ValueError, match="holds a collection already"):
        pack(table, tmp_path / "link", ("train",), silent)


def test_a_collection_without_films_of_a_split_is_named(small_collection: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no films of the split test or external"):
        pack(small_collection, tmp_path / "copy", ("test", "external"), silent)
    assert not (tmp_path / "copy").exists()


def test_a_table_that_lacks_a_column_is_named(small_collection: Path, tmp_path: Path) -> None:
    small_collection.write_text(small_collection.read_text().replace("split", "part", 1))

    with pytest.raises(ValueError, match="lacks the column split"):
        pack(small_collection, tmp_path / "copy", ("train",), silent)


def test_no_film_takes_the_place_of_another(small_collection: Path, tmp_path: Path) -> None:
    with Image.open(small_collection.parent / "1.png") as film:
        film.save(small_collection.parent / "0.jpg")
    small_collection.write_text(small_collection.read_text().replace("\n1.png", "\n0.jpg"))

    with pytest.raises(ValueError, match=r"both become 0\.webp"):
        pack(small_collection, tmp_path / "copy", ("train",), silent)


def test_a_film_whose_patient_is_in_a_split_that_is_not_packed_is_left_out(
    small_collection: Path, tmp_path: Path
) -> None:
    (small_collection.parent / "23.png").write_bytes((small_collection.parent / "3.png").read_bytes())

    pack(small_collection, tmp_path / "copy", ("train",), silent)

    assert "3.webp" not in [film.path.name for film in read_collection(tmp_path / "copy" / "films.csv")]
