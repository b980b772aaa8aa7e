"""`lungwise evaluate` as a person calls it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lungwise.cli import main
from lungwise.evaluation.model_card import render
from lungwise.films import Film, open_film
from lungwise.reading import Artefact, Normal, ReadFile, Reading, Verdict
from lungwise.reading.artefact import ModelCard, Thresholds, labels, read_card, read_statement
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.prevalence import VerdictRates, card_rates


class Brightness:
    """Stands for the Reader, so that the command needs no trained model: a bright film is positive."""

    def __init__(self) -> None:
        card = ModelCard(
            name="brightness",
            version="1.0.0",
            created="2026-01-02",
            preprocessing="grey",
            labels=labels(),
            thresholds=Thresholds(lower=0.5, upper=0.5),
            gate=0.5,
            calibration={},
            hashes={},
            training={},
            metrics={},
            intended_use="Tests.",
            limits=["All."],
            data=[],
        )
        self.artefact = Artefact(onnx=Path("inception_v3.onnx"), card=card)

    def read_many(self, paths: Iterable[Path]) -> Iterator[ReadFile]:
        for path in paths:
            yield ReadFile(path=path, outcome=self.predict_ungated(open_film(path.read_bytes())), milliseconds=1.0)

    def predict_ungated(self, film: Film) -> Reading:
        p = float(film.pixels.mean())
        appearance = {"negative": 1 - p, "typical": p, "indeterminate": 0.0, "atypical": 0.0}
        verdict = Verdict.POSITIVE if p >= 0.5 else Verdict.NEGATIVE
        heat = np.zeros((17, 17), np.float32)
        return Reading(
            probability=p,
            verdict=verdict,
            appearance=appearance,
            findings=dict.fromkeys(FINDING_NAMES, p),
            normal=Normal(probability=p, called=p >= 0.5),
            pattern=None if p >= 0.5 else "other",
            raised=(),
            heat_map=heat,
            quarter_turns=0,
            model="brightness",
            version="1.0.0",
        )


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four SIIM films of the test split, two of them bright and typical, and one of a patient with a positive PCR."""
    monkeypatch.setattr("lungwise.cli.evaluate.Reader", Brightness)
    lines = ["film,split,source,group,patient,covid,label,finding,view,adult,boxes"]
    for number, ill in enumerate((0, 0, 1, 1)):
        Image.new("L", (80, 80), 220 if ill else 40).save(tmp_path / f"{number}.png")
        label = "typical appearance" if ill else "negative for pneumonia"
        lines.append(f"{number}.png,test,siim,same-source,p{number},{ill},{label},{label},,1,")
    Image.new("L", (80, 80), 220).save(tmp_path / "4.png")
    lines.append('4.png,test,ricord,positive-only,p4,1,COVID-19,"COVID-19, PCR",,1,')
    (tmp_path / "films.csv").write_text("\n".join(lines))
    return tmp_path / "films.csv"


def test_without_films_it_says_how_to_name_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LUNGWISE_FILMS", raising=False)
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, ["evaluate"])
    assert answer.exit_code == 2
    assert "--films" in answer.stderr
    assert "LUNGWISE_FILMS" in answer.stderr


def test_a_table_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(tmp_path / "films.csv")])
    assert answer.exit_code == 2
    assert "does not exist" in answer.stderr


def test_an_unknown_split_is_bad_usage_and_the_known_ones_are_named(films: Path) -> None:
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films), "--split", "all"])
    assert answer.exit_code == 2
    assert "'train', 'val', 'test', 'external'" in answer.stderr


def test_films_may_be_named_by_the_environment(films: Path) -> None:
    answer = CliRunner().invoke(main, ["evaluate", "--json"], env={"LUNGWISE_FILMS": str(films)})
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["splits"][0]["split"] == "test"


def test_json_is_one_document_and_nothing_else_on_stdout(films: Path) -> None:
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films), "--split", "test", "--json"])
    document = json.loads(answer.stdout)
    assert document["command"] == "lungwise evaluate --split test"
    siim = next(one for one in document["splits"][0]["sources"] if one["source"] == "siim")
    assert siim["tasks"][0]["auc"]["value"] == 1
    assert answer.stderr == ""


def test_tables_fit_80_columns(films: Path) -> None:
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films)], env={"COLUMNS": "80"})
    assert answer.exit_code == 0, answer.stderr
    assert "siim" in answer.stdout
    assert "1.000 (1.000-1.000)" in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80


def test_the_model_card_and_the_figures_are_written_in_the_same_run(films: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `train`")
    card, figures = tmp_path / "model-card.md", tmp_path / "figures"
    options = ["--json", "--model-card", str(card), "--figures", str(figures)]
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films), *options])
    assert answer.exit_code == 0, answer.stderr
    assert card.read_text() == render(json.loads(answer.stdout), read_statement())
    assert (figures / "roc.svg").is_file()


def test_the_card_says_how_often_verdicts_are_right_on_films_that_chose_nothing(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the model lies
    chosen = CliRunner().invoke(main, ["evaluate", "--films", str(films), "--split", "val", "--write-card"])
    assert chosen.exit_code == 2 and "chose the thresholds" in chosen.stderr
    assert not Path("card.json").exists()

    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films), "--split", "test", "--write-card", "--json"])

    assert answer.exit_code == 0, answer.stderr
    rates = card_rates(read_card(tmp_path / "card.json"))
    assert rates == VerdictRates(sensitivity=1, missed=0, specificity=1, false_alarms=0)
    assert (rates.ill, rates.well) == (1, 2)
    assert json.loads(answer.stdout)["card"]["metrics"]["verdicts"]["well"] == 2


def test_a_table_that_cannot_be_understood_is_one_line(films: Path) -> None:
    films.write_text(films.read_text().replace("covid", "corona"))
    answer = CliRunner().invoke(main, ["evaluate", "--films", str(films)])
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [
        "Error: films.csv lacks the column covid; write it anew, or name another table"
    ]
