"""Two hospitals that no training saw as clinics: `python tests/benchmarks/local_thresholds.py FILMS_CSV [--films N]`.

Radiopaedia and SIIM's `test`, each halved by patient, are played in as a clinic's first and second half-year: what the
page on thresholds would have proposed after the first, and what it would have brought in the second, beside the
thresholds that the model ships with. Hannover has no patient without COVID-19: of it there are counts alone. Each
patient counts once, by the highest film; adults; refused films are counted. Reads with the shipped model, some films a
second. `--scores FILE` keeps what was read, so that a second run reads nothing; `--films N` reads so many of each
source, to try the command. Nothing that ships is chosen by this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import click
import numpy as np

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.monitoring.draft import Draft, Judged, draft
from lungwise.monitoring.proposal import Hindrance
from lungwise.monitoring.verified import ReadFilms, Verification
from lungwise.reading import Reader
from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.reading.pattern import COVID

SOURCES = {"Radiopaedia": "cohen-radiopaedia.org", "SIIM": "siim", "Hannover": "hannover"}
SPLITS = ("test", "external")
BEGINS, SECOND = date(2026, 1, 1).toordinal(), date(2026, 7, 1).toordinal()
"""The days on which the two half-years are played in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedIn:
    """What would have been proposed to one clinic, and what it would have brought."""

    clinic: str
    patients: int
    refused: int
    first: tuple[int, int]
    second: tuple[int, int]
    proposed: dict[str, float | str] | None
    hindrance: str | None
    now: Judged | None
    then: Judged | None


@click.command()
@click.argument("films_csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--films", "limit", type=click.IntRange(1), help="Read at most so many films of each source.")
@click.option("--scores", type=click.Path(dir_okay=False, path_type=Path), help="Keep here what was read, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each clinic.")
def main(films_csv: Path, limit: int | None, scores: Path | None, as_json: bool) -> None:
    """Print what each clinic would have been proposed."""
    known: dict[str, float | None] = json.loads(scores.read_text()) if scores and scores.is_file() else {}
    collection = [film for film in read_collection(films_csv) if film.split in SPLITS and film.adult]
    for clinic, source in SOURCES.items():
        films = [film for film in collection if film.source == source and film.covid is not None][:limit]
        known |= _read([film for film in films if str(film.path) not in known])
        found = played_in(clinic, films, known)
        click.echo(json.dumps(asdict(found)) if as_json else "\n".join(_said(found)))
    if scores:
        scores.write_text(json.dumps(known))


def _read(films: list[LabelledFilm]) -> dict[str, float | None]:
    """Read films: the probability of COVID-19 by their paths; None of one that was refused."""
    if not films:
        return {}
    read = Reader().read_many([film.path for film in films])
    return {str(file.path): file.reading.probability if file.reading else None for file in read}


def played_in(clinic: str, films: list[LabelledFilm], scores: dict[str, float | None]) -> PlayedIn:
    """Play a source in as a clinic."""
    shipped = shipped_card().thresholds
    clinics = _one_of_each_patient(films, scores, shipped)
    first = clinics.day < SECOND
    found = draft(COVID, clinics, clinics.score[~first], shipped, None)
    made = found if isinstance(found, Draft) else None
    return PlayedIn(
        clinic=clinic,
        patients=len(clinics.score),
        refused=sum(scores[str(film.path)] is None for film in films),
        first=_counts(clinics.positive[first]),
        second=_counts(clinics.positive[~first]),
        proposed=asdict(made.wanted) if made else None,
        hindrance=found.value if isinstance(found, Hindrance) else None,
        now=made.evidence.now if made else None,
        then=made.evidence.then if made else None,
    )


def _one_of_each_patient(films: list[LabelledFilm], scores: dict[str, float | None], shipped: Thresholds) -> ReadFilms:
    """The highest film of each patient, in a half-year that a hash of the patient decides."""
    highest: dict[str, tuple[float, bool]] = {}
    for film in films:
        score = scores[str(film.path)]
        if score is not None and score >= highest.get(film.patient, (-1.0, False))[0]:
            highest[film.patient] = score, bool(film.covid)
    probability = np.array([one for one, _ill in highest.values()], np.float64)
    return ReadFilms(
        score=probability,
        stratum=np.digitize(probability, [shipped.lower, shipped.upper]).astype(np.int64),
        verification=np.full(len(probability), Verification.ANYWAY, np.int64),
        positive=np.array([ill for _one, ill in highest.values()], bool),
        day=np.array([_day(patient) for patient in highest], np.int64),
    )


def _day(patient: str) -> int:
    digest = hashlib.sha256(patient.encode()).digest()
    return SECOND if digest[0] % 2 else BEGINS


def _counts(positive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int]:
    return int(positive.sum()), int((~positive).sum())


def _said(found: PlayedIn) -> Iterator[str]:
    yield f"{found.clinic}: {found.patients} patients, {found.refused} films refused"
    for name, (ill, well) in (("first", found.first), ("second", found.second)):
        yield f"  {name} half-year: {ill} with COVID-19, {well} without"
    if found.hindrance:
        yield f"  nothing is proposed: {found.hindrance}"
    if found.proposed:
        yield "  proposed: " + ", ".join(f"{name} {value}" for name, value in found.proposed.items())
    for name, judged in (("as shipped", found.now), ("as proposed", found.then)):
        if judged:
            yield f"  second half-year, {name}: {_share('sensitivity', judged)}, {_share('specificity', judged)}"
    if found.proposed and not found.then:
        yield "  fitted on all patients: the first half-year alone does not suffice, and nothing judges it"


def _share(name: str, judged: Judged) -> str:
    measure = getattr(judged, name)
    if measure is None:
        return f"{name} not known"
    return f"{name} {measure.value:.0%} ({measure.lower:.0%} to {measure.upper:.0%})"


if __name__ == "__main__":
    main()
