"""Films in, a table of results out: one row per film, its label beside the model's answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from lungwise.evaluation.metrics import Contrast
from lungwise.evaluation.protocol import Question, score_of
from lungwise.films import Film, Refusal
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Answer, Artefact, Reading

T = TypeVar("T")


class FilmReader(Protocol):
    """What evaluation needs of a `lungwise.reading.Reader`."""

    artefact: Artefact

    def read_many(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """Read files in their order."""

    def look(self, film: Film) -> Reading:
        """Read whatever is given, refusing nothing."""


class Track(Protocol):
    """Passes items through and shows how many have come."""

    def __call__(self, items: Iterable[T], what: str, of: int) -> Iterable[T]:
        """`what` is being done to `of` items."""


@dataclass(frozen=True, slots=True)
class Result:
    """One film and what the model said of it."""

    film: LabelledFilm
    outcome: Reading | Refusal

    @property
    def reading(self) -> Reading | None:
        """None of a refused film."""
        return self.outcome if isinstance(self.outcome, Reading) else None


def read_films(reader: FilmReader, films: Sequence[LabelledFilm], track: Track) -> list[Result]:
    """Read each film, in order.

    Raises
    ------
    ValueError
        If a film of the table is not there: a number without it would not be the table's.
    """
    absent = [film.path for film in films if not film.path.is_file()]
    if absent:
        raise ValueError(f"{len(absent)} films of the table are not there; the first is {absent[0]}. Fetch them first.")
    answers = track(reader.read_many(film.path for film in films), "reading films", len(films))
    return [Result(film, answer.answer) for film, answer in zip(films, answers, strict=True)]


def answers(results: Iterable[Result], question: Question) -> list[tuple[LabelledFilm, Reading]]:
    """The films that were read and whose label lies on either side of the question."""
    asked = question.positive + question.negative
    return [(r.film, r.reading) for r in results if r.reading is not None and r.film.label in asked]


def contrast(results: Iterable[Result], question: Question) -> Contrast:
    """The two sides of a question, for an AUC.

    Raises
    ------
    MixedSourcesError
        If the films come from more than one source.
    ValueError
        If one side is empty.
    """
    rows = answers(results, question)
    return Contrast(
        source=np.array([film.source for film, _ in rows], np.str_),
        patient=np.array([film.patient for film, _ in rows], np.str_),
        positive=np.array([film.label in question.positive for film, _ in rows], np.bool_),
        score=np.array([score_of(reading, question.score) for _, reading in rows], np.float64),
    )


def has_both_sides(results: Iterable[Result], question: Question) -> bool:
    """Whether films on both sides of a question were read."""
    sides = {film.label in question.positive for film, _ in answers(results, question)}
    return len(sides) == 2
