"""What the films of studies say, for their headlines: from a reading, from the records of one study, or of many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from operator import attrgetter
from typing import Any, Protocol

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from lungwise.films.film import ADULT
from lungwise.films.refusals import NEED_NO_READING
from lungwise.patients.service import Patient
from lungwise.reading import pattern
from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import stored_thresholds
from lungwise.reading.reading import Normal, Verdict
from lungwise.studies.answers import FilmAnswer, StudyAnswer, film_answer, raised_by_thresholds
from lungwise.studies.headlines import Headline, Headlines
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus, stored_extent
from lungwise.studies.named_orders import studies_naming_others
from lungwise.time_zones import day_in

STORED_READING = (
    ReadingRecord.verdict,
    ReadingRecord.refusal_code,
    ReadingRecord.probability,
    ReadingRecord.findings,
    ReadingRecord.normal_called,
    ReadingRecord.pattern,
    ReadingRecord.raised,
    ReadingRecord.extent_percent,
    ReadingRecord.extent_brixia,
    ReadingRecord.extent_repeatability,
    ReadingRecord.warnings,
    ReadingRecord.model,
    ReadingRecord.version,
    ReadingRecord.thresholds,
)
"""The columns that a `StoredReading` needs."""
_any = aliased(ReadingRecord)
_newest = select(func.max(_any.id)).where(_any.film_id == FilmRecord.id).scalar_subquery()
_given_up = exists().where(Job.film_id == FilmRecord.id, Job.model == "", Job.state == JobState.FAILED)
_FILMS = (
    select(FilmRecord.id, FilmRecord.study_id, FilmRecord.key, _given_up.label("is_given_up"), *STORED_READING)
    .select_from(FilmRecord)
    .outerjoin(ReadingRecord, and_(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.id == _newest))
)


class StoredReading(Protocol):
    """What a stored reading says of a film."""

    @property
    def verdict(self) -> str | None:
        """None where the film was refused."""

    @property
    def refusal_code(self) -> str | None:
        """Why it was; None of a film that was read."""

    @property
    def probability(self) -> float | None:
        """Of COVID-19."""

    @property
    def findings(self) -> dict[str, Any]:
        """Probability of each finding."""

    @property
    def normal_called(self) -> bool | None:
        """None of readings of earlier releases."""

    @property
    def pattern(self) -> str | None:
        """None also of those."""

    @property
    def raised(self) -> list[str] | None:
        """Names of the findings that were raised; None also of those, and of somewhat later ones."""

    @property
    def extent_percent(self) -> float | None:
        """Of the lung fields; None of a model that says no extent."""

    @property
    def extent_brixia(self) -> float | None:
        """On the Brixia scale; None also of that."""

    @property
    def extent_repeatability(self) -> float | None:
        """Points by which two films of the same lungs differ; None also of that."""

    @property
    def warnings(self) -> list[str] | None:
        """Codes."""

    @property
    def model(self) -> str | None:
        """Name of the model; None in the row of a film that has no reading."""

    @property
    def version(self) -> str | None:
        """Version of the model."""

    @property
    def thresholds(self) -> dict[str, Any] | None:
        """The clinic's own, as they are stored."""


def normal_and_pattern(reading: StoredReading) -> tuple[Normal, str | None]:
    """Return whether a film is normal, and its pattern; of earlier releases' readings by the shipped thresholds.

    Raises
    ------
    ValueError
        If the film was refused.
    """
    if reading.normal_called is not None:
        probability = float(reading.findings.get(pattern.NORMAL, 0.0))
        return Normal(probability=probability, called=reading.normal_called), reading.pattern
    thresholds = shipped_card().finding_thresholds
    found = pattern.pattern_of(reading.findings, Verdict(reading.verdict or ""), thresholds)
    return pattern.normal_of(reading.findings, thresholds), found


def raised_of(reading: StoredReading) -> tuple[str, ...]:
    """Name the findings that a reading raised when it was made; of earlier releases' as `raised_by_thresholds` does.

    Raises
    ------
    ValueError
        If the film was refused.
    """
    if reading.raised is not None:
        return tuple(reading.raised)
    own = stored_thresholds(reading.thresholds)
    return raised_by_thresholds(reading.findings, Verdict(reading.verdict or ""), own)


def answer_of(
    reading: StoredReading | None, key: str = "", number: int = 1, *, is_given_up: bool = False
) -> FilmAnswer:
    """Return what a film says: nothing where it is not read."""
    if reading is None or reading.verdict is None:
        return FilmAnswer(
            key=key,
            number=number,
            is_refused=reading is not None and reading.model is not None,
            is_given_up=is_given_up,
            needs_no_reading=reading is not None and reading.refusal_code in NEED_NO_READING,
        )
    normal, found = normal_and_pattern(reading)
    return film_answer(
        key=key,
        number=number,
        verdict=Verdict(reading.verdict),
        probability=reading.probability or 0.0,
        findings=reading.findings,
        normal=normal,
        pattern=found,
        raised=raised_of(reading),
        warnings=tuple(reading.warnings or ()),
        model=reading.model or "",
        version=reading.version or "",
        extent=stored_extent(reading.extent_percent, reading.extent_brixia, reading.extent_repeatability),
        thresholds=stored_thresholds(reading.thresholds),
    )


def is_child(study: Study, patient: Patient, zone: tzinfo) -> bool:
    """Return whether a patient was a child on the day of their first film in the clinic's zone, by their birth date."""
    age = patient.age(day_in(zone, study.taken_at))
    return age is not None and age < ADULT


def film_headline(
    headlines: Headlines, film: FilmRecord, patient: Patient, zone: tzinfo, *, is_doubted: bool
) -> Headline:
    """Write the headline of one film of a patient's; see `study_answer` for `is_doubted`."""
    answer = study_answer(film.study, patient, zone, is_doubted=is_doubted)
    return headlines.of_film(answer.films[film.study.films.index(film)], answer)


def study_answer(study: Study, patient: Patient, zone: tzinfo, *, is_doubted: bool) -> StudyAnswer:
    """Return what a study says whose films are loaded.

    Parameters
    ----------
    is_doubted
        Whether a film of it names an order of another patient.
    """
    return replace(
        film_answers(study),
        is_child=is_child(study, patient, zone),
        is_unclear=patient.is_unclear or is_doubted,
    )


def film_answers(study: Study) -> StudyAnswer:
    """Return what the films of a study say, whoever its patient is."""
    return StudyAnswer(
        films=tuple(
            answer_of(film.reading, film.key, number, is_given_up=_is_given_up(film))
            for number, film in enumerate(study.films, start=1)
        ),
        is_waiting=study.status == StudyStatus.WAITING,
    )


def _is_given_up(film: FilmRecord) -> bool:
    """Whether no attempt to read a new film is left; only of one that has no reading are its jobs loaded."""
    return film.reading is None and any(not job.model and job.state == JobState.FAILED for job in film.jobs)


def study_answers(
    session: Session, studies: Sequence[Study], patients: Mapping[int, Patient], zone: tzinfo
) -> list[StudyAnswer]:
    """Return what studies of one clinic say whose films are not loaded, each in its place.

    Parameters
    ----------
    patients
        By their ids: at least those of the studies.
    zone
        The clinic's, whose days ages are counted by.
    """
    films = defaultdict[int, list[FilmAnswer]](list)
    rows = session.execute(_FILMS.where(FilmRecord.study_id.in_([study.id for study in studies])))
    for row in sorted(rows, key=attrgetter("id")):
        of_study = films[row.study_id]
        of_study.append(answer_of(row, row.key, len(of_study) + 1, is_given_up=bool(row.is_given_up)))
    doubted = studies_naming_others(session, studies)
    return [
        StudyAnswer(
            films=tuple(films[study.id]),
            is_waiting=study.status == StudyStatus.WAITING,
            is_child=is_child(study, patients[study.patient_id], zone),
            is_unclear=patients[study.patient_id].is_unclear or study.id in doubted,
        )
        for study in studies
    ]


def covid_probability(study: Study) -> float | None:
    """Return the probability of COVID-19 of the film whose verdict a study has; None where it has no verdict."""
    return study.probability if study.status in set(Verdict) else None
