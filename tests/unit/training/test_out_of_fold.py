from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.training.labels import Prediction
from lungwise.training.network import LungNet
from lungwise.training.out_of_fold import (
    fold_of,
    is_complete,
    mean_predictions,
    predict_films,
    predictions_of,
    read_others,
    read_predictions,
    write_predictions,
)
from lungwise.training.pack import pack

pytestmark = pytest.mark.training


def test_the_films_of_a_patient_are_in_one_fold_and_the_folds_are_alike(small_collection: Path) -> None:
    film = read_collection(small_collection)[0]

    assert fold_of(film, 4) == fold_of(replace(film, path=Path("other.png"), label="normal"), 4)
    folds = Counter(fold_of(replace(film, patient=str(n)), 4) for n in range(2000))
    assert sorted(folds) == [0, 1, 2, 3]
    assert min(folds.values()) > 400


def test_predictions_are_those_of_the_film_and_its_mirror_image(small_collection: Path) -> None:
    torch.manual_seed(0)
    network = LungNet().eval()
    films, seen = read_collection(small_collection)[:3], list[tuple[str, int, int]]()

    predictions = predict_films(network, films, 75, torch.float32, lambda *shown: seen.append(shown))

    assert seen == [("predicting", 3, 3), ("predicting mirror images", 3, 3)]
    assert list(predictions) == [film.path for film in films]
    for prediction in predictions.values():
        assert float(prediction.appearance.sum()) == pytest.approx(1, abs=1e-5)
        assert ((prediction.findings > 0) & (prediction.findings < 1)).all()


def test_what_is_written_is_read_back_fold_by_fold(tmp_path: Path) -> None:
    said = Prediction(np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([0.5, 0.6, 0.7, 0.8], np.float32))
    folds = [{tmp_path / "films" / f"{n}.png": said} for n in range(2)]
    for fold, predictions in enumerate(folds):
        write_predictions(predictions, tmp_path, tmp_path / f"{fold}.csv")

    read = read_predictions([tmp_path / "0.csv", tmp_path / "1.csv"], tmp_path)

    assert list(read) == [*folds[0], *folds[1]]
    for prediction in read.values():
        np.testing.assert_allclose(prediction.appearance, said.appearance)
        np.testing.assert_allclose(prediction.findings, said.findings)


def test_a_table_of_other_findings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("film,negative,hernia\n")

    with pytest.raises(ValueError, match="tuberculosis"):
        read_predictions([tmp_path / "other.csv"], tmp_path)


def test_a_table_may_call_covid_by_its_short_name(tmp_path: Path) -> None:
    said = Prediction(np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([0.5, 0.6, 0.7, 0.8], np.float32))
    write_predictions({tmp_path / "film.png": said}, tmp_path, tmp_path / "ours.csv")
    theirs = (tmp_path / "ours.csv").read_text().replace("COVID-19", "covid")
    (tmp_path / "theirs.csv").write_text(theirs)

    read = read_predictions([tmp_path / "theirs.csv"], tmp_path)

    np.testing.assert_allclose(read[tmp_path / "film.png"].findings, said.findings)


def test_a_film_has_the_mean_of_what_is_said_of_it() -> None:
    low, high = (Prediction(np.full(4, value, np.float32), np.full(4, value, np.float32)) for value in (0.2, 0.6))
    both, one = Path("both.png"), Path("one.png")

    mean = mean_predictions([{both: low, one: low}, {both: high}])

    np.testing.assert_allclose(mean[both].appearance, 0.4)
    np.testing.assert_allclose(mean[both].findings, 0.4)
    np.testing.assert_allclose(mean[one].findings, 0.2)


SAID = Prediction(np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([0.5, 0.6, 0.7, 0.8], np.float32))


def predicted(films: list[LabelledFilm], path: Path, folder: Path) -> Path:
    """Write a table that says the same of each film."""
    write_predictions({film.path: SAID for film in films}, folder, path)
    return path


@pytest.mark.parametrize("wrong", ["nan", "inf", "1.5", "-0.1", "", "much"])
def test_what_is_no_probability_is_refused_with_its_line(tmp_path: Path, wrong: str) -> None:
    write_predictions({tmp_path / "a.png": SAID, tmp_path / "b.png": SAID}, tmp_path, tmp_path / "table.csv")
    whole = (tmp_path / "table.csv").read_text()
    (tmp_path / "table.csv").write_text(whole.replace("b.png,0.1000", f"b.png,{wrong}"))

    with pytest.raises(ValueError, match=r"table\.csv, line 3: .* probability"):
        read_predictions([tmp_path / "table.csv"], tmp_path)


def test_a_row_that_was_cut_short_is_refused_with_its_line(tmp_path: Path) -> None:
    write_predictions({tmp_path / "a.png": SAID, tmp_path / "b.png": SAID}, tmp_path, tmp_path / "table.csv")
    (tmp_path / "table.csv").write_text((tmp_path / "table.csv").read_text().rstrip().removesuffix(",0.8000"))

    with pytest.raises(ValueError, match=r"table\.csv, line 3: .* probability"):
        read_predictions([tmp_path / "table.csv"], tmp_path)


def test_a_table_that_could_not_be_written_to_its_end_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        write_predictions({tmp_path / "a.png": SAID, Path("/elsewhere/b.png"): SAID}, tmp_path, tmp_path / "table.csv")

    assert not (tmp_path / "table.csv").exists()


def test_a_table_is_complete_where_only_films_are_missing_that_a_reader_refuses(
    small_collection: Path, tmp_path: Path
) -> None:
    films, folder, table = read_collection(small_collection), small_collection.parent, tmp_path / "table.csv"
    assert not is_complete(table, folder, films)

    predicted(films[1:], table, folder)
    assert not is_complete(table, folder, films)
    Image.new("L", (40, 40), 9).save(films[0].path)
    assert is_complete(table, folder, films)

    table.write_text(table.read_text()[:-20])
    assert not is_complete(table, folder, films)


def test_the_films_of_a_packed_copy_are_found_in_a_table_of_the_collection(
    small_collection: Path, tmp_path: Path
) -> None:
    table = predicted(read_collection(small_collection), tmp_path / "table.csv", small_collection.parent)
    pack(small_collection, tmp_path / "copy", ("train", "val"), lambda *_: None)
    copies = read_collection(tmp_path / "copy" / "films.csv")

    (found,) = read_others((table,), tmp_path / "copy", copies, [])

    assert list(found) == [film.path for film in copies]


def test_of_two_films_that_only_their_endings_tell_apart_each_has_its_own(small_collection: Path) -> None:
    film, other = read_collection(small_collection)[:2]
    twin, unlike = replace(other, path=film.path.with_suffix(".jpg")), Prediction(SAID.findings, SAID.appearance)

    assert predictions_of([film, twin], {film.path: SAID, twin.path: unlike}) == {film.path: SAID, twin.path: unlike}


def test_tables_that_know_too_few_films_are_refused(small_collection: Path, tmp_path: Path) -> None:
    films, folder = read_collection(small_collection), small_collection.parent
    learnt = [film for film in films if film.split == "train"]
    halves = tuple(predicted(learnt[n::2], tmp_path / f"{n}.csv", folder) for n in range(2))
    elsewhere = predicted(films, tmp_path / "elsewhere.csv", folder.parent)

    assert len(read_others(halves, folder, films, [])) == 2
    with pytest.raises(ValueError, match=r"know 50% of the chest films to be learnt; they must know 90%"):
        read_others(halves[:1], folder, films, [])
    with pytest.raises(ValueError, match=r"elsewhere\.csv knows none"):
        read_others((*halves, elsewhere), folder, films, [])


def test_networks_that_saw_what_is_left_out_do_not_teach(small_collection: Path, tmp_path: Path) -> None:
    films, folder = read_collection(small_collection), small_collection.parent
    left_out = [replace(films[0], source="nih")]
    all_films, others = (predicted(films[n:], tmp_path / f"from-{n}.csv", folder) for n in range(2))

    assert len(read_others((others,), folder, films[1:], left_out)) == 1
    with pytest.raises(ValueError, match=r"from-0\.csv is by networks that know nih"):
        read_others((all_films,), folder, films[1:], left_out)
