"""Films in, a table of results out: one row per film, its label beside what the model says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from lungwise.evaluation.metrics import Contrast
from lungwise.evaluation.protocol import Question, score_of
from lungwise.films import Film, Refusal
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Artefact, ReadFile, Reading

T = TypeVar("T")


class FilmReader(Protocol):
    """What evaluation needs of a `lungwise.reading.Reader`."""

    artefact: Artefact

    def read_many(self, paths: Iterable[Path]) -> Iterator[ReadFile]:
        """Read files in their order."""

    def predict_ungated(self, film: Film) -> Reading:
        """Read any film without asking whether it can be read."""


class Track(Protocol):
    """Passes items through and shows how many have come."""

    def __call__(self, items: Iterable[T], what: str, of: int) -> Iterable[T]:
        """`what` is being done to `of` items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedFilm:
    """One film and what the model says of it."""

    film: LabelledFilm
    outcome: Reading | Refusal

    @property
    def reading(self) -> Reading | None:
        """None of a refused film."""
        return self.outcome if isinstance(self.outcome, Reading) else None


def read_films(reader: FilmReader, films: Sequence[LabelledFilm], track: Track) -> list[EvaluatedFilm]:
    """Read each film, in order.

    Raises
    ------
    ValueError
        If a film of the table is not there: a number without it would not be the table's.
    """
    check_present(films)
    files = track(reader.read_many(film.path for film in films), "reading films", len(films))
    return [EvaluatedFilm(film=film, outcome=file.outcome) for film, file in zip(films, files, strict=True)]


def check_present(films: Iterable[LabelledFilm]) -> None:
    """Raise a `ValueError` if a film of the table is not there."""
    absent = [film.path for film in films if not film.path.is_file()]
    if absent:
        raise ValueError(f"{len(absent)} films of the table are not there; the first is {absent[0]}. Fetch them first.")


def grouped(results: Iterable[EvaluatedFilm], key: Callable[[LabelledFilm], str]) -> dict[str, list[EvaluatedFilm]]:
    """The rows by what a key says of their film, each group where it first comes."""
    groups: dict[str, list[EvaluatedFilm]] = {}
    for result in results:
        groups.setdefault(key(result.film), []).append(result)
    return groups


def labelled_readings(results: Iterable[EvaluatedFilm]) -> list[tuple[bool, Reading]]:
    """Whether each film that was read has COVID-19, and its reading; films of another label are left out."""
    return [(r.film.covid, r.reading) for r in results if r.reading and r.film.covid is not None]


def compared(results: Iterable[EvaluatedFilm], question: Question) -> list[tuple[LabelledFilm, Reading]]:
    """The films that were read and whose label lies on either side of the question."""
    labels = question.positive + question.negative
    return [(r.film, r.reading) for r in results if r.reading is not None and r.film.label in labels]


def contrast(results: Iterable[EvaluatedFilm], question: Question) -> Contrast:
    """The two sides of a question, for an AUC.

    Raises
    ------
    MixedSourcesError
        If the films come from more than one source.
    ValueError
        If one side is empty.
    """
    rows = compared(results, question)
    return Contrast(
        source=np.array([film.source for film, _ in rows], np.str_),
        patient=np.array([film.patient for film, _ in rows], np.str_),
        positive=np.array([film.label in question.positive for film, _ in rows], np.bool_),
        score=np.array([score_of(reading, question.score) for _, reading in rows], np.float64),
    )


def has_both_sides(results: Iterable[EvaluatedFilm], question: Question) -> bool:
    """Whether films on both sides of a question were read."""
    sides = {film.label in question.positive for film, _ in compared(results, question)}
    return len(sides) == 2
