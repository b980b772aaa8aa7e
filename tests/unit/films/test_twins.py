"""Films drawn so that each has its own detail, as anatomy has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.films.twins import contradicted, find_twins, join_twins, joined

Saved = Callable[..., LabelledFilm]


def untracked(items: Iterable[Any], _what: str, _of: int) -> Iterable[Any]:
    return items


def drawn(seed: int, height: int = 320, width: int = 280) -> Image.Image:
    """Smooth shadows that differ film by film."""
    coarse = np.random.default_rng(seed).integers(30, 220, (24, 20), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Writes a picture and returns its film."""

    def save(
        name: str, image: Image.Image, *, patient: str = "", label: str = "normal", **options: Any
    ) -> LabelledFilm:
        image.save(tmp_path / name, **options)
        return LabelledFilm(
            path=tmp_path / name,
            split="train",
            source="nih",
            group="",
            patient=patient or name,
            covid=None,
            label=label,
            finding="",
            view="",
            adult=True,
            boxes=(),
        )

    return save


def shifted_ribs(image: Image.Image) -> Image.Image:
    """The same patient, breathing in more deeply: the lower half is stretched."""
    width, height = image.size
    breathed = image.copy()
    lower = image.crop((0, height // 2, width, height)).resize((width, height * 6 // 10))
    breathed.paste(lower, (0, height // 2))
    return breathed


@pytest.mark.parametrize("change", ["webp", "squashed", "cropped", "framed", "darker"])
def test_the_same_picture_is_found_however_it_was_published(saved: Saved, change: str) -> None:
    original = drawn(0)
    changed: dict[str, Callable[[], LabelledFilm]] = {
        "webp": lambda: saved("b.webp", original.resize((252, 288)), quality=75),
        "squashed": lambda: saved("b.jpg", original.resize((224, 224)), quality=60),
        "cropped": lambda: saved("b.png", original.crop((20, 8, 274, 300))),
        "framed": lambda: saved("b.png", framed(original)),
        "darker": lambda: saved("b.png", original.point(lambda grey: round(255 * (grey / 255) ** 2))),
    }
    films = [saved("a.png", original), changed[change](), *(saved(f"{n}.png", drawn(n)) for n in range(1, 6))]

    assert find_twins(films, untracked) == [(films[0], films[1])]


def framed(image: Image.Image) -> Image.Image:
    wide = Image.new("L", (image.width + 16, image.height + 24))
    wide.paste(image, (8, 12))
    return wide


def test_two_films_of_one_patient_are_not_the_same_picture(saved: Saved) -> None:
    films = [saved("a.png", drawn(0), patient="p"), saved("b.png", shifted_ribs(drawn(0)), patient="p")]

    assert find_twins(films, untracked) == []


def test_pictures_of_one_grey_and_refused_ones_are_like_no_other(saved: Saved, tmp_path: Path) -> None:
    films = [saved(f"{n}.png", Image.new("L", (90, 90), 40 * n)) for n in range(3)]
    films += [saved(f"small{n}.png", Image.new("L", (9, 9))) for n in range(2)]

    assert find_twins(films, untracked) == []
    assert find_twins([], untracked) == []
    assert find_twins(films[:1], untracked) == []


def test_patients_who_share_a_picture_bear_one_name_by_way_of_others_too(saved: Saved) -> None:
    films = [saved(f"{n}.png", drawn(n), patient=name) for n, name in enumerate("dcbaa")]

    named = joined(films, [(films[0], films[1]), (films[2], films[4]), (films[1], films[2])])

    assert [film.patient for film in named] == ["a"] * 5
    assert joined(films, []) == films


def test_twins_contradict_each_other_where_both_labels_are_known(saved: Saved) -> None:
    normal, ill, covid, open_ = (
        saved(f"{n}.png", drawn(n), label=label)
        for n, label in enumerate(("normal", "pneumonia", "COVID-19", "negative for pneumonia"))
    )
    covid, open_ = replace(covid, covid=True), replace(open_, covid=False)

    assert contradicted([(normal, ill)]) == {normal.path, ill.path}
    assert contradicted([(covid, open_)]) == {covid.path, open_.path}
    assert contradicted([(normal, covid), (normal, open_), (normal, normal)]) == set()


def test_twins_are_found_joined_and_doubted_at_once(saved: Saved) -> None:
    films = [
        saved("a.png", drawn(0), patient="a"),
        saved("b.png", drawn(1), patient="b"),
        saved("c.png", drawn(0), patient="c", label="pneumonia"),
    ]

    named, doubtful = join_twins(films, untracked)

    assert [film.patient for film in named] == ["a", "b", "a"]
    assert doubtful == {films[0].path, films[2].path}


@pytest.mark.films
def test_films_that_three_publishers_took_from_each_other_are_found(films_folder: Path) -> None:
    """Cropped, squashed, in other grey levels; and the likest films of one patient that are two."""
    names = "fcb627a2571c b860ee692d35 bc67fbc91ab6 60fe7c3d4daf 174d79298922 cd22ee0b5b66 07e40e4abbc0 e33748ea2d82"
    films = [film for film in read_collection(films_folder / "films.csv") if film.path.stem in names.split()]

    found = {frozenset((one.path.stem, other.path.stem)) for one, other in find_twins(films, untracked)}

    assert len(films) == 8
    assert found == {
        frozenset(("fcb627a2571c", "b860ee692d35")),
        frozenset(("bc67fbc91ab6", "60fe7c3d4daf")),
    }
