from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from click.testing import CliRunner

from lungwise.cli import main
from lungwise.films.collection import read_collection
from lungwise.monitoring.drift import read_reference
from lungwise.reading.artefact import WEIGHTS, read_card

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("film", "split", "source", "group", "patient", "covid", "label", "finding", "view", "adult", "boxes")


def test_the_answers_to_the_validation_films_are_written_with_their_model(
    tmp_path: Path, blank: bytes, films_folder: Path
) -> None:
    real = next(
        film for film in read_collection(films_folder / "films.csv") if film.source == "siim" and film.split == "val"
    )
    (tmp_path / "read.jpg").write_bytes(real.path.read_bytes())
    (tmp_path / "refused.jpg").write_bytes(blank)
    rows = [
        ("read.jpg", "val", "siim"),
        ("refused.jpg", "val", "siim"),
        ("read.jpg", "val", "nih"),
        ("read.jpg", "test", "siim"),
    ]
    with (tmp_path / "films.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows((*row, "same-source", "", "", "", "", "PA", "1", "") for row in rows)

    written = tmp_path / "reference.json"
    done = CliRunner().invoke(main, ["reference", "--films", str(tmp_path / "films.csv"), "--output", str(written)])

    assert done.exit_code == 0, done.output
    reference, card = read_reference(written), read_card(WEIGHTS / "card.json")
    assert (reference.model.name, reference.model.version) == (card.name, card.version)
    assert (reference.spread.films, reference.spread.refused) == (2, 1)
    assert "2 films of siim val" in done.stdout
