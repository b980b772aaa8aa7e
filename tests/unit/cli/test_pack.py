from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from lungwise.cli import main

pytestmark = pytest.mark.training

COLUMNS = ("film", "split", "source", "group", "patient", "covid", "label", "finding", "view", "adult", "boxes")


def test_a_collection_is_packed_and_the_next_command_named(tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "film.png")
    with (tmp_path / "films.csv").open("w", newline="") as table:
        csv.writer(table).writerows([COLUMNS, ["film.png", "val", "nih", "", "p", "0", "normal", "", "PA", "1", ""]])

    done = CliRunner().invoke(main, ["pack", str(tmp_path / "copy"), "--films", str(tmp_path / "films.csv")])

    assert done.exit_code == 0, done.output
    assert done.output.startswith("1 films are in") and "lungwise train" in done.output
    assert (tmp_path / "copy" / "film.webp").is_file()


def test_a_split_that_is_mistyped_is_refused(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(",".join(COLUMNS) + "\n")
    arguments = ["pack", str(tmp_path / "copy"), "--films", str(tmp_path / "films.csv")]

    mistyped, empty = (CliRunner().invoke(main, [*arguments, "--split", split]) for split in ("tset", "test"))

    assert mistyped.exit_code == 2 and "'external'" in mistyped.output
    assert empty.exit_code == 1 and "no films of the split test" in empty.output
