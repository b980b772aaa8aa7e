from __future__ import annotations

from pathlib import Path

import pytest

from lungwise.films.collection import read_collection, read_scores

COLUMNS = "film,split,source,group,patient,covid,label,finding,view,adult,boxes"


def table(folder: Path, *rows: str, columns: str = COLUMNS) -> Path:
    path = folder / "films.csv"
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_row_becomes_a_labelled_film(tmp_path: Path) -> None:
    row = 'a/b.jpg,val,siim,same-source,p7,1,COVID-19,typical,pa,1,"[[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]]"'
    (film,) = read_collection(table(tmp_path, row))
    assert film.path == tmp_path / "a" / "b.jpg"
    assert (film.split, film.source, film.group, film.patient) == ("val", "siim", "same-source", "p7")
    assert (film.covid, film.label, film.finding, film.view, film.adult) == (True, "COVID-19", "typical", "PA", True)
    assert film.boxes == ((0.1, 0.2, 0.3, 0.4), (0, 0, 1, 1))


@pytest.mark.parametrize(("written", "covid"), [("1", True), ("0", False), ("", None)])
def test_covid_is_yes_no_or_unknown(tmp_path: Path, written: str, covid: bool | None) -> None:
    (film,) = read_collection(table(tmp_path, f"a.jpg,train,nih,mixed,p,{written},l,f,,0,"))
    assert film.covid is covid
    assert (film.view, film.adult, film.boxes) == ("", False, ())


def test_a_film_without_a_patient_is_its_own(tmp_path: Path) -> None:
    (film,) = read_collection(table(tmp_path, "a.jpg,train,nih,mixed,,0,l,f,AP,1,"))
    assert film.patient == "a.jpg"


@pytest.mark.parametrize("boxes", ["{", "7", "[7]", '"[[0.1, 0.2]]"', '"[[0, 0, 1, NaN]]"', '["1234"]'])
def test_a_row_that_cannot_be_understood_is_named_by_its_line(tmp_path: Path, boxes: str) -> None:
    good = "a.jpg,train,nih,mixed,p,0,l,f,AP,1,"
    with pytest.raises(ValueError, match="line 3"):
        read_collection(table(tmp_path, good, good + boxes))


@pytest.mark.parametrize(
    "row", ["b.jpg,train", "b.jpg,train,nih,mixed,p,0,l,f,AP,1,,more,and more", f"b.jpg,{'x' * 200_000}", '"b.jpg']
)
def test_a_row_that_is_short_or_long_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(ValueError, match=r"films\.csv, line 3: "):
        read_collection(table(tmp_path, "a.jpg,train,nih,mixed,p,0,l,f,AP,1,", row))


@pytest.mark.parametrize("rows", [["a.jpg,train,nih,mixed,p,0,l,f,AP,1"], []])
def test_a_missing_column_is_named(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(ValueError, match=r"films\.csv lacks the column boxes"):
        read_collection(table(tmp_path, *rows, columns=COLUMNS.removesuffix(",boxes")))


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (film,) = read_collection(table(tmp_path, "a.jpg,train,nih,mixed,p,0,l,f,AP,1,", columns="\ufeff" + COLUMNS))
    assert film.path == tmp_path / "a.jpg"


def test_a_missing_table_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"films\.csv"):
        read_collection(tmp_path / "films.csv")


def test_scores_are_read_by_film_and_the_empty_ones_left_out(tmp_path: Path) -> None:
    (tmp_path / "brixia.csv").write_text("film,s-global,j-global\nfilms/a.jpg,18.0,17.0\nfilms/b.jpg,,3.0\n")

    assert read_scores(tmp_path / "brixia.csv", "s-global") == {tmp_path / "films/a.jpg": 18.0}
    assert read_scores(tmp_path / "brixia.csv", "another") == {}
    assert read_scores(tmp_path / "severity.csv", "geographic_mean") == {}


@pytest.mark.films
def test_the_real_collection_is_understood(films_folder: Path) -> None:
    films = read_collection(films_folder / "films.csv")
    assert len(films) > 10_000
    assert {film.split for film in films} == {"train", "val", "test", "external"}
    assert all(film.path.is_file() for film in films[::500])
    assert all(width > 0 and height > 0 for film in films for _, _, width, height in film.boxes)
