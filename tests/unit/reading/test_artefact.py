from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lungwise.reading import ArtefactError, load_artefact
from lungwise.reading.artefact import WEIGHTS, folder_in_use, read_statement, shipped_card, use_artefact
from lungwise.reading.extent import Curve


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def change(folder: Path, **fields: Any) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **fields}))


def test_the_shipped_artefact_is_whole() -> None:
    artefact = load_artefact()

    assert artefact.onnx.is_file()
    assert 0 < artefact.card.thresholds.lower <= artefact.card.thresholds.upper < 1


def test_a_changed_model_file_is_not_loaded(copy: Path) -> None:
    with (copy / "inception_v3.onnx").open("r+b") as onnx:
        onnx.seek(1_000_000)
        onnx.write(b"\0\1\2\3")

    with pytest.raises(ArtefactError, match="not the one its card describes"):
        load_artefact(copy)


@pytest.mark.parametrize("missing", ["inception_v3.onnx", "card.json"])
def test_an_incomplete_artefact_names_what_is_missing(copy: Path, missing: str) -> None:
    (copy / missing).unlink()

    with pytest.raises(ArtefactError, match=missing):
        load_artefact(copy)


def test_a_model_of_another_preprocessing_is_not_loaded(copy: Path) -> None:
    change(copy, preprocessing="grey|crop(224)|v0")

    with pytest.raises(ArtefactError, match="another version"):
        load_artefact(copy)


def test_a_model_of_other_labels_is_not_loaded(copy: Path) -> None:
    change(copy, labels={"appearance": ["typical", "negative"]})

    with pytest.raises(ArtefactError, match="another version"):
        load_artefact(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"thresholds": 3}', "{"])
def test_a_card_that_is_none_is_said_to_be_none(copy: Path, text: str) -> None:
    (copy / "card.json").write_text(text)

    with pytest.raises(ArtefactError, match="cannot be understood"):
        load_artefact(copy)


def test_the_statement_says_the_same_as_the_card_of_the_shipped_model() -> None:
    card, statement = load_artefact().card, read_statement()

    assert (statement.intended_use, statement.limits, statement.data) == (card.intended_use, card.limits, card.data)
    assert statement.not_for and statement.labels and statement.training and statement.did_not_work


def test_a_statement_that_cannot_be_understood_is_named(copy: Path) -> None:
    (copy / "statement.toml").write_text("intended_use = 'reading'\n")

    with pytest.raises(ArtefactError, match=r"statement\.toml"):
        read_statement(copy)


def test_how_heat_maps_become_extents_is_in_the_card(copy: Path) -> None:
    curve = {"scale": 0.2, "power": 0.6}
    change(copy, extent={"percent": curve, "brixia": curve, "repeatability": 19.0, "pairs": 37, "of_pairs": 19.0})

    extent = load_artefact(copy).card.extent

    assert extent is not None
    assert (extent.percent, extent.repeatability, extent.pairs) == (Curve(**curve), 19.0, 37)


@pytest.mark.parametrize("extent", [{"percent": {}}, {"repeatability": 1.0}, [1]])
def test_an_extent_that_cannot_be_understood_is_said(copy: Path, extent: object) -> None:
    change(copy, extent=extent)

    with pytest.raises(ArtefactError, match="cannot be understood"):
        load_artefact(copy)


def test_a_card_of_an_earlier_release_says_no_extent(copy: Path) -> None:
    card = json.loads((copy / "card.json").read_text())
    card.pop("extent", None)
    (copy / "card.json").write_text(json.dumps(card))

    assert load_artefact(copy).card.extent is None


def test_another_folder_is_used_until_the_shipped_one_is_again(copy: Path) -> None:
    change(copy, version="9.0.0")
    try:
        use_artefact(copy)
        assert folder_in_use() == copy
        assert load_artefact().card.version == shipped_card().version == "9.0.0"
    finally:
        use_artefact(WEIGHTS)
    assert load_artefact().card.version == shipped_card().version != "9.0.0"
    with pytest.raises(ArtefactError, match="Name a folder as `lungwise export` writes it"):
        load_artefact(copy.parent)
