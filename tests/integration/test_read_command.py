from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lungwise.films import open_path
from lungwise.films.collection import read_collection
from lungwise.films.photograph.simulation import photograph

KEYS = ["path", "status", "refusal", "covid", "findings", "hot_spot", "model", "milliseconds"]
KEYS += ["normal", "pattern", "extent", "thresholds", "headline"]


def read(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "lungwise", "read", *map(str, arguments)]
    wide = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=wide)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def clinic(films_folder: Path, tmp_path: Path) -> Path:
    """A folder as a clinic has it: films in folders, a letter, a hidden file."""
    films = [film for film in read_collection(films_folder / "films.csv") if film.source == "siim"][:3]
    folder = tmp_path / "clinic"
    (folder / "monday").mkdir(parents=True)
    for index, film in enumerate(films):
        (folder / "monday" / f"{index}.jpg").symlink_to(film.path)
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / ".hidden").write_text("x")
    return folder


@pytest.mark.films
def test_films_alone_are_all_read(clinic: Path) -> None:
    done = read("--json", clinic / "monday")

    assert done.returncode == 0, done.stderr
    assert [line["status"] for line in lines(done)] == ["read"] * 3
    for line in lines(done):
        assert list(line) == KEYS
        assert line["refusal"] is None
        assert set(line["covid"]) == {"probability", "verdict"}
        assert line["covid"]["verdict"] in {"positive", "negative", "uncertain"}
        assert set(line["findings"]) == {"normal", "COVID-19", "other pneumonia", "tuberculosis"}
        assert all(0 <= part <= 1 for part in line["hot_spot"])
        assert set(line["model"]) == {"name", "version"}
        assert line["milliseconds"] > 0


@pytest.mark.films
def test_a_refused_file_is_told_and_the_rest_is_read(clinic: Path) -> None:
    done = read("--json", clinic)

    assert done.returncode == 3
    by_name = {Path(line["path"]).name: line for line in lines(done)}
    assert set(by_name) == {"letter.txt", "0.jpg", "1.jpg", "2.jpg"}
    letter = by_name["letter.txt"]
    assert list(letter) == KEYS
    assert (letter["status"], letter["covid"], letter["hot_spot"]) == ("refused", None, None)
    assert letter["refusal"]["code"] == "not-an-image"
    assert letter["refusal"]["reason"]


@pytest.mark.films
def test_a_photograph_is_read_and_said_to_be_one(films_folder: Path, tmp_path: Path) -> None:
    film = next(film for film in read_collection(films_folder / "films.csv") if film.source == "siim")
    (tmp_path / "photograph.jpg").write_bytes(photograph(open_path(film.path).pixels, seed=1).jpeg)

    done = read("--json", tmp_path)

    assert [line["status"] for line in lines(done)] == ["read"], done.stdout
    assert "photograph of a film" in done.stderr


@pytest.mark.films
def test_heat_maps_and_a_table_are_written(clinic: Path, tmp_path: Path) -> None:
    done = read(clinic, "--heatmaps", tmp_path / "maps", "--csv", tmp_path / "table.csv")

    assert done.returncode == 3
    assert "letter.txt" in done.stdout
    assert "not a medical device" in done.stdout
    maps = sorted(path.relative_to(tmp_path / "maps").as_posix() for path in (tmp_path / "maps").rglob("*.png"))
    assert maps == [f"clinic/monday/{index}.jpg.png" for index in range(3)]
    with Image.open(tmp_path / "maps" / maps[0]) as drawn:
        assert drawn.mode == "RGB"
    with (tmp_path / "table.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["status"] for row in rows].count("read") == 3
    assert next(row for row in rows if row["status"] == "refused")["refusal_code"] == "not-an-image"


@pytest.mark.films
def test_films_of_one_name_get_heat_maps_of_their_own(films_folder: Path, tmp_path: Path) -> None:
    films = [film for film in read_collection(films_folder / "films.csv") if film.source == "siim"][:2]
    for folder, film in zip(("a", "b"), films, strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "film.jpg").symlink_to(film.path)

    done = read(tmp_path / "a" / "film.jpg", tmp_path / "b" / "film.jpg", "--heatmaps", tmp_path / "maps")

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["2-film.jpg.png", "film.jpg.png"]


def test_a_name_from_outside_is_printed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x[").mkdir()
    (tmp_path / "x[" / "b]\x1b[31m.jpg").write_bytes(b"no film")

    done = read(tmp_path)

    assert done.returncode == 3, done.stderr
    assert "x[/b]?[31m.jpg" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["no-such-file.jpg"], ["--no-such-option", "."]])
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    done = read(*arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_empty_folder_is_bad_usage(tmp_path: Path) -> None:
    assert read(tmp_path).returncode == 2


def test_nothing_that_reading_does_not_need_is_loaded() -> None:
    loaded = "import sys, lungwise.cli.read; print([m for m in ('torch', 'matplotlib', 'sklearn') if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.films
@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_names_need_not_be_utf_8(films_folder: Path, tmp_path: Path) -> None:
    film = next(film for film in read_collection(films_folder / "films.csv") if film.source == "siim")
    (tmp_path / "names").mkdir()
    for name in (b"f\xe9lm \xff.jpg", b"=cmd.jpg", b"a\nb.jpg"):
        (tmp_path / "names" / os.fsdecode(name)).symlink_to(film.path)

    done = read("--json", tmp_path / "names", "--csv", tmp_path / "table.csv", "--heatmaps", tmp_path / "maps")

    assert done.returncode == 0, done.stderr
    assert [line["status"] for line in lines(done)] == ["read"] * 3
    assert b"f\xe9lm \xff.jpg" in (tmp_path / "table.csv").read_bytes()
    assert len(list((tmp_path / "maps" / "names").iterdir())) == 3
