from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dicom_files import dicom_file
from lungwise.cli import main

WORDS = np.tile(np.arange(96, dtype=np.uint16) * 40, (80, 1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.delenv("LUNGWISE_SECRET_KEY", raising=False)
    films = tmp_path / "in" / "Doe"
    films.mkdir(parents=True)
    for number in (1, 2):
        film = dicom_file(WORDS, BitsStored=12, PatientName="Doe^Jane", SOPInstanceUID=f"1.2.3.{number}")
        (films / f"doe-{number}.dcm").write_bytes(film)
    return tmp_path


def test_a_folder_of_films_is_written_under_names_that_say_nothing(folder: Path) -> None:
    done = CliRunner().invoke(main, ["deidentify", str(folder / "in"), str(folder / "out")])
    assert done.exit_code == 0, done.output
    written = sorted((folder / "out").iterdir())
    assert len(written) == 2
    assert not any(b"Doe" in path.read_bytes() or "doe" in path.name.lower() for path in written)
    assert "look at each film" in done.output


def test_an_empty_folder_is_bad_usage(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = CliRunner().invoke(main, ["deidentify", str(folder / "empty"), str(folder / "out")])
    assert done.exit_code == 2 and "There are no files" in done.output
    assert not (folder / "out").exists() and not (folder / "data").exists()


def test_again_it_writes_the_same_files(folder: Path) -> None:
    for _ in range(2):
        CliRunner().invoke(main, ["deidentify", str(folder / "in"), str(folder / "out")])
    assert len(list((folder / "out").iterdir())) == 2


def test_what_is_no_dicom_film_is_not_written_and_said(folder: Path) -> None:
    (folder / "in" / "notes.txt").write_text("Doe, Jane")
    done = CliRunner().invoke(main, ["deidentify", "--json", str(folder / "in"), str(folder / "out")])
    said = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 3
    assert sorted(line["status"] for line in said) == ["refused", "written", "written"]
    assert len(list((folder / "out").iterdir())) == 2


def test_two_films_of_one_uid_do_not_overwrite_each_other(folder: Path) -> None:
    twin = dicom_file(WORDS[:, ::-1].copy(), BitsStored=12, PatientName="Doe^Jane", SOPInstanceUID="1.2.3.1")
    (folder / "in" / "twin.dcm").write_bytes(twin)
    for _ in range(2):
        done = CliRunner().invoke(main, ["deidentify", "--json", str(folder / "in"), str(folder / "out")])
        said = [json.loads(line)["written"] for line in done.output.splitlines()]
        assert len(set(said)) == 3
    written = list((folder / "out").iterdir())
    assert len(written) == len({path.read_bytes() for path in written}) == 3
    elsewhere = CliRunner().invoke(main, ["deidentify", str(folder / "in" / "Doe"), str(folder / "out")])
    assert elsewhere.exit_code == 0
    assert len(list((folder / "out").iterdir())) == 3


def test_what_cannot_be_opened_is_said(folder: Path) -> None:
    (folder / "in" / "gone.dcm").symlink_to(folder / "nowhere")
    done = CliRunner().invoke(main, ["deidentify", "--json", str(folder / "in"), str(folder / "out")])
    assert done.exit_code in (0, 3)
    assert "Traceback" not in done.output
