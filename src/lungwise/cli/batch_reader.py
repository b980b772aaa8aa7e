"""What reads many files for `lungwise read`, here or far away, by the model's thresholds or by a clinic's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import click

from lungwise.reading import ReadFile, Reading
from lungwise.reading.artefact import ModelCard
from lungwise.reading.local_thresholds import LocalThresholds, localised, read_local_thresholds
from lungwise.reading.own_thresholds import ThresholdsError
from lungwise.studies.answers import Level, answer_of_reading
from lungwise.studies.headlines import Headlines


class ModelName(Protocol):
    """Which model read."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its version."""


class FilmHeadline(NamedTuple):
    """What is said first of a film: its colour, the sentences, and the number that leads, '' where none does."""

    level: Level
    text: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadedReading(Reading):
    """A reading with the headline of a server, which knows whose film it is, and its clinic's prevalence.

    `headline` is None of a server that gives none.
    """

    headline: FilmHeadline | None


def headline_of(reading: Reading, headlines: Headlines) -> FilmHeadline:
    """Return the headline that a reading came with, or else write it of the film alone."""
    if isinstance(reading, HeadedReading) and reading.headline:
        return reading.headline
    headline = headlines.of_film(answer_of_reading(reading))
    return FilmHeadline(headline.level, headline.text, headline.number.value if headline.number else "")


class BatchReader(NamedTuple):
    """What reads many files, here or far away."""

    model: ModelName
    read_many: Callable[[Iterable[Path]], Iterator[ReadFile]]


def by_thresholds(reader: BatchReader, card: ModelCard, own: LocalThresholds | None) -> BatchReader:
    """Let a reader give its readings by a clinic's own thresholds, where there are some."""
    if own is None:
        return reader

    def read_many(paths: Iterable[Path]) -> Iterator[ReadFile]:
        for file in reader.read_many(paths):
            yield replace(file, outcome=localised(file.reading, card, own)) if file.reading else file

    return BatchReader(reader.model, read_many)


def own_thresholds(path: Path, card: ModelCard) -> LocalThresholds:
    """Read a clinic's own thresholds, or say what is wrong with the file.

    Raises
    ------
    ClickException
        If they cannot be used, or are another model's.
    """
    try:
        found = read_local_thresholds(path)
    except ThresholdsError as error:
        raise click.ClickException(str(error)) from error
    if not found.fits(card):
        raise click.ClickException(
            f"{path}: these thresholds were made for another model than {card.name} {card.version}, and are void with "
            "it. Leave out --thresholds, or let the clinic propose new ones."
        )
    return found
