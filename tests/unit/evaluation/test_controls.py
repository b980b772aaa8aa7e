"""Templates and hidden films."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungwise.evaluation.controls import FRAME, border_template, hide, lung_template
from lungwise.films import Film

FILMS = Path(os.environ.get("LUNGWISE_TEST_FILMS") or Path(__file__).parents[3].parent / "shared" / "cxr")


def mask(path: Path, left: int) -> None:
    lung = np.zeros((100, 100), np.uint8)
    lung[20:80, left : left + 20] = 255
    Image.fromarray(lung).convert("1").save(path)


def test_the_template_covers_the_common_place_with_a_margin_and_leaves_the_rare_one(tmp_path: Path) -> None:
    for number in range(19):
        mask(tmp_path / f"{number}.png", left=20)
    mask(tmp_path / "rare.png", left=70)
    template = lung_template(tmp_path)
    across = template[64]
    assert across[round(0.2 * 128) : round(0.4 * 128)].all()
    assert across[round(0.2 * 128) - 2]
    assert not across[round(0.72 * 128) : round(0.88 * 128)].any()


def test_a_folder_without_masks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no lung masks"):
        lung_template(tmp_path)


def test_the_border_is_a_frame_of_a_tenth_of_the_side() -> None:
    hidden = border_template()
    width = round(FRAME * 128)
    assert not hidden[:width].any()
    assert not hidden[:, -width:].any()
    assert hidden[width:-width, width:-width].all()


def test_hiding_blackens_the_same_place_of_a_film_of_any_shape() -> None:
    film = Film(pixels=np.full((300, 200), 0.8, np.float32), photometric="MONOCHROME2", kind="PNG", view="PA")
    hidden = hide(film, border_template())
    assert hidden.pixels.dtype == np.float32
    assert hidden.pixels[150, 100] == 0
    assert (hidden.pixels[:28] == np.float32(0.8)).all()
    assert hidden.view == "PA"
    assert (film.pixels == np.float32(0.8)).all()


@pytest.mark.films
def test_the_template_of_the_collection_covers_nearly_all_lungs_and_not_the_film() -> None:
    template = lung_template(FILMS / "lungs")
    image = Image.fromarray(template)
    shares = []
    for path in sorted((FILMS / "lungs").glob("*.png")):
        with Image.open(path) as opened:
            lungs = np.asarray(opened.convert("L")) > 0
        shares.append(np.asarray(image.resize(lungs.shape[::-1]))[lungs].mean())
    assert np.percentile(shares, 5) > 0.95
    assert template.mean() < 0.75
