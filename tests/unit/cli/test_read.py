"""`lungwise read`, part by part; `integration/test_read_command.py` runs the whole."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lungwise.cli import main
from lungwise.cli.read import CsvTable, JsonLines, Named, VerdictTable, as_object, walk
from lungwise.films import Refusal
from lungwise.films.refusals import CHILD
from lungwise.reading import Normal, ReadFile, Reading, Verdict
from lungwise.reading.artefact import WEIGHTS, shipped_card, use_artefact
from lungwise.reading.extent import Extent

CARD = shipped_card()
FINDINGS = {"normal": 0.05, "COVID-19": 0.9, "other pneumonia": 0.7, "tuberculosis": 0.01}
READ = ReadFile(
    path=Path("ward/film.dcm"),
    outcome=Reading(
        probability=0.91236,
        verdict=Verdict.POSITIVE,
        appearance={},
        findings=FINDINGS,
        normal=Normal(probability=0.05, called=False),
        pattern="COVID-19",
        raised=("COVID-19", "other pneumonia"),
        heat_map=np.eye(17, dtype=np.float32),
        quarter_turns=0,
        model=CARD.name,
        version=CARD.version,
        warnings=(CHILD,),
        extent=Extent(percent=41.26, brixia=7.51, repeatability=18.57),
    ),
    milliseconds=12.34,
)
REFUSED = ReadFile(path=Path("letter.txt"), outcome=Refusal("not-an-image"), milliseconds=1.0)


def test_a_folder_is_walked_and_what_is_hidden_passed_over(tmp_path: Path) -> None:
    for name in ("b/1.dcm", "a.dcm", ".hidden", ".git/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    named = list(walk((tmp_path, tmp_path / ".hidden")))

    assert [one.name.as_posix() for one in named] == [f"{tmp_path.name}/a.dcm", f"{tmp_path.name}/b/1.dcm", ".hidden"]


def test_files_of_one_name_get_names_that_differ(tmp_path: Path) -> None:
    paths = [tmp_path / day / "film.dcm" for day in ("monday", "tuesday")]
    for path in paths:
        path.parent.mkdir()
        path.touch()

    assert [one.name.name for one in walk((*paths,))] == ["film.dcm", "2-film.dcm"]


def test_a_folder_that_cannot_be_entered_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("os.scandir", denied)

    with pytest.raises(PermissionError):
        list(walk((tmp_path,)))


def test_an_object_rounds_what_was_read_and_says_why_a_file_was_not() -> None:
    read, refused = as_object(READ, CARD), as_object(REFUSED, CARD)

    assert list(read) == list(refused)
    assert read["covid"] == {"probability": 0.9124, "verdict": "positive"}
    assert (read["milliseconds"], read["refusal"]) == (12.3, None)
    assert (refused["covid"], refused["findings"], refused["refusal"]["code"]) == (None, {}, "not-an-image")
    assert "letter.txt" in refused["refusal"]["reason"]


def test_warnings_go_beside_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLines(CARD).add(Named(READ.path, READ.path), READ)

    printed = capsys.readouterr()
    assert json.loads(printed.out)["path"] == "ward/film.dcm"
    assert printed.err.startswith("ward/film.dcm: ")


def test_the_table_says_each_films_headline_and_counts_the_verdicts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    table = VerdictTable(CARD, prevalence=0.1)
    for file in (READ, REFUSED):
        table.add(Named(file.path, Path(f"{file.path.name}\x1b[31m")), file)
    table.close()

    printed = capsys.readouterr().out
    assert "Not made for children. Looks like COVID-19 pneumonia. Suggests other pneumonia (70 %)" in printed
    assert "tuberculosis" not in printed
    assert "1 read, 1 refused. Looks normal: 0. COVID-19: 1 positive. Uncertain means: refer." in printed
    assert "of the positive verdicts" in printed
    assert "\x1b[31m" not in printed


def test_the_verdicts_of_another_model_are_not_weighed(capsys: pytest.CaptureFixture[str]) -> None:
    VerdictTable(replace(CARD, name="other"), prevalence=0.1).close()

    assert "verdicts" not in capsys.readouterr().out


def test_a_table_for_a_spreadsheet_has_a_cell_for_each_column() -> None:
    text = StringIO()
    table = CsvTable(text, CARD)
    for file in (READ, REFUSED):
        table.add(Named(file.path, file.path), file)

    read, refused = csv.DictReader(StringIO(text.getvalue()))
    assert None not in {**read, **refused}.values()
    assert (read["verdict"], read["other pneumonia"], read["warnings"]) == ("positive", "0.7", CHILD)
    assert (read["normal_called"], read["pattern"], read["level"]) == ("false", "COVID-19", "grey")
    assert read["headline"].startswith("Not made for children. Looks like COVID-19 pneumonia.")
    assert [read[f"extent_{name}"] for name in ("percent", "brixia", "repeatability")] == ["41.3", "7.5", "18.6"]
    assert refused["extent_percent"] == ""
    assert (refused["refusal_code"], refused["probability"], refused["version"]) == ("not-an-image", "", CARD.version)


def test_what_is_not_given_is_as_the_settings_file_says_and_no_installation_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, letter = tmp_path / "model", tmp_path / "letter.txt"
    model.mkdir()
    letter.write_text("Dear colleague")
    (model / "inception_v3.onnx").symlink_to(WEIGHTS / "inception_v3.onnx")
    (model / "card.json").write_text((WEIGHTS / "card.json").read_text().replace(CARD.version, "0.0.1"))
    (tmp_path / "settings.toml").write_text(f'language = "es"\nprevalence = 0.44\nmodel_folder = "{model}"\n')
    for name, value in {"LUNGWISE_SETTINGS": "settings.toml", "HOME": "home", "XDG_DATA_HOME": ""}.items():
        monkeypatch.setenv(name, value and str(tmp_path / value))
    try:
        table = CliRunner().invoke(main, ["read", str(letter)])
        lines = CliRunner().invoke(main, ["read", "--json", "--language", "fr", str(letter)])
    finally:
        use_artefact(WEIGHTS)
    assert table.exit_code == lines.exit_code == 3, table.output
    assert "letter.txt no es una" in " ".join(table.output.split())
    assert "Where 44 % have COVID-19" in table.output
    assert json.loads(lines.stdout)["model"]["version"] == "0.0.1"
    assert "n'est pas une" in json.loads(lines.stdout)["refusal"]["reason"]
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("LUNGWISE_LANGUAGE", "Latin")
    assert "A setting is wrong. language" in CliRunner().invoke(main, ["read", str(letter)]).output
