"""A collection of labelled films: the rows of a `films.csv`.

Its columns are `film`, `split`, `source`, `group`, `patient`, `covid`, `label`, `finding`,
`view`, `adult` and `boxes`; `film` is a path relative to the table's folder. `days` (since admission) and `icu` may be
left out.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]
"""x, y, width and height as fractions of the film."""

_COLUMNS = {"film", "split", "source", "group", "patient", "covid", "label", "finding", "view", "adult", "boxes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFilm:
    """One film of a collection and what its publisher states about it."""

    path: Path
    split: str
    source: str
    group: str
    patient: str
    covid: bool | None
    label: str
    finding: str
    view: str
    adult: bool
    boxes: tuple[Box, ...]
    days: int | None = None
    """Since the patient's admission; None where it is not known."""
    icu: bool | None = None
    """Whether the patient lay in intensive care; None where it is not known."""

    @property
    def projection(self) -> str:
        """`AP`, `PA` or another view without the patient's position; empty where the source does not say."""
        return self.view.split()[0] if self.view else ""

    @property
    def tuberculosis(self) -> bool | None:
        """Whether the label is tuberculosis; None of labels that say nothing of it."""
        if self.label == "tuberculosis":
            return True
        return False if self.label in _WITHOUT_TUBERCULOSIS else None

    @property
    def normal(self) -> bool | None:
        """Whether the label is normal; None of labels that leave it open, as COVID-19, which a film need not show."""
        if self.label == "normal":
            return True
        return False if self.label in _NOT_NORMAL else None


_NOT_NORMAL = ("tuberculosis", "pneumonia", "opacity", "other finding")
_WITHOUT_TUBERCULOSIS = ("normal", "pneumonia", "opacity", "other finding", "other")


def read_collection(films_csv: Path) -> list[LabelledFilm]:
    """Read a `films.csv`.

    Raises
    ------
    OSError
        If the table cannot be opened.
    ValueError
        If a column is missing or a row cannot be understood; names the line.
    """
    with films_csv.open(newline="", encoding="utf-8-sig") as table:  # spreadsheets begin with a byte order mark
        rows = csv.DictReader(table)
        try:
            missing = _COLUMNS - set(rows.fieldnames or ())
            films = [] if missing else [_labelled_film(row, films_csv.parent) for row in rows]
        except (ValueError, TypeError, OverflowError, csv.Error) as error:
            raise ValueError(f"films.csv, line {rows.reader.line_num}: {error}") from error
    if missing:
        raise ValueError(f"films.csv lacks the column {min(missing)}; write it anew, or name another table")
    return films


def read_scores(table: Path, column: str) -> dict[Path, float]:
    """Return radiologists' scores from a table beside a collection, by film; nothing where it has no such column.

    Raises
    ------
    ValueError
        If a score is no number.
    """
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8-sig") as rows:
        return {table.parent / row["film"]: float(row[column]) for row in csv.DictReader(rows) if row.get(column)}


def _labelled_film(row: dict[str, Any], folder: Path) -> LabelledFilm:
    if None in row or None in row.values():
        raise ValueError("it has more or fewer values than there are columns")
    return LabelledFilm(
        **{name: row[name] for name in ("split", "source", "group", "label", "finding")},
        path=folder / row["film"],
        patient=row["patient"] or row["film"],
        covid={"1": True, "0": False}.get(row["covid"]),
        view=row["view"].upper(),
        adult=row["adult"] != "0",
        boxes=tuple(_box(numbers) for numbers in json.loads(row["boxes"] or "[]")),
        days=int(float(row["days"])) if row.get("days") else None,
        icu={"1": True, "0": False}.get(row.get("icu", "")),
    )


def _box(numbers: object) -> Box:
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise ValueError(f"a box has four numbers, not {numbers}")
    x, y, width, height = map(float, numbers)
    return x, y, width, height
