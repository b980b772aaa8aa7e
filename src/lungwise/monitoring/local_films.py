"""A clinic's films beside its reference results: one film of each patient for each finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.draft import MONTH_DAYS
from lungwise.monitoring.film_table import FINDINGS, NORMAL, FilmTable, Standing, tables_of
from lungwise.monitoring.models_in_use import current_model
from lungwise.monitoring.proposal import Recalibration
from lungwise.monitoring.verified import Flags, Floats, Ints, ReadFilms, Verification
from lungwise.reading.pattern import COVID
from lungwise.studies.models import FilmRecord, ReadingRecord, ReferenceResult, Study
from lungwise.studies.reference_tests import Outcome, Reason, ReferenceTest
from lungwise.time_zones import ZoneOf, day_in, in_utc

TESTS = {
    COVID: (ReferenceTest.PCR,),
    "tuberculosis": (ReferenceTest.XPERT, ReferenceTest.SPUTUM),
    "other pneumonia": (),
    "normal": (),
}
"""The tests that say more surely than a radiologist whether a patient has it."""
_BY_FILM = (Reason.FILM, Reason.SAMPLE, None)
"""Reasons that depend on the film; where none is known, the worse is assumed."""
_LEADING: WeakKeyDictionary[FilmTable, dict[int, Ints]] = WeakKeyDictionary()
"""The places of each patient's film, whatever was tested, of tables that are in use, by the finding's column."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalFilms:
    """The films of a clinic that can be compared with results for one finding: one of each patient.

    Parameters
    ----------
    films
        What they say, and what the results say.
    table
        The same films, with what they are of.
    result
        (n,) id of the first result that counts for each, by which they stand in the order of their results; 0 of none.
    left_out
        How many results of this finding count for no film.
    """

    films: ReadFilms
    table: FilmTable
    result: Ints
    left_out: int

    def recalibrated(self, by: Recalibration) -> LocalFilms:
        """Return them with the probabilities that a clinic's calibration makes of the model's."""
        return replace(self, films=replace(self.films, score=by(self.films.score)))


class ClinicFilms:
    """Finds the films of a clinic that one version of the model has read, and the results that count for them.

    Parameters
    ----------
    days
        How many days may lie between a film and the test.
    chosen
        Gives for how many days results count at a clinic; by default the same everywhere.
    zone_of
        Gives the time zone of a clinic, whose days films and tests are of.
    """

    def __init__(
        self,
        session: Session,
        days: int,
        chosen: Callable[[int], int] | None = None,
        zone_of: ZoneOf = in_utc,
    ) -> None:
        self._session = session
        self._days = days
        self._chosen = chosen
        self._zone_of = zone_of

    def table(self, person: Person, model: Model) -> FilmTable:
        """Return all films that a version of the model has read."""
        person.need(Right.SEE_ALL)
        zone = self._zone_of(person.clinic_id)
        return tables_of(self._session).of(self._session, person.clinic_id, model, zone)

    def day_of(self, person: Person, moment: datetime) -> date:
        """Return a moment's day where a person's clinic stands."""
        return day_in(self._zone_of(person.clinic_id), moment)

    def days_of(self, clinic_id: int) -> int:
        """Return how many days may lie between a film of a clinic and the test."""
        return self._chosen(clinic_id) if self._chosen else self._days

    def model_in_use(self, person: Person) -> Model | None:
        """Return the model in use; None until it has read the clinic's newest film.

        Films of another one are not judged: the thresholds that it had are not known any more.
        """
        person.need(Right.SEE_ALL)
        return model_in_use_of(self._session, person.clinic_id)

    def of(self, person: Person, model: Model, finding: str) -> LocalFilms:
        """Return the films that a version of the model has read, for one of `FINDINGS`.

        A patient's film is the highest of those that count: of an adult whose identity is clear, and no photograph.
        For `normal` it is the lowest. Where results are near some of the patient's films, it is one of those that the
        surest result is near, see `_verified`: no film of another day hides what the test says of them.
        """
        return self.of_each(person, model, [finding])[finding]

    def of_each(self, person: Person, model: Model, findings: Sequence[str] = FINDINGS) -> dict[str, LocalFilms]:
        """Return the films for each of some findings; see `of`. What they share is read once."""
        return self.of_table(person, self.table(person, model), findings)

    def of_table(self, person: Person, table: FilmTable, findings: Sequence[str] = FINDINGS) -> dict[str, LocalFilms]:
        """Return some of the clinic's films, or what another model says of them, for each of some findings."""
        person.need(Right.SEE_ALL)
        results = self._results(person)
        days = self.days_of(person.clinic_id)
        return {finding: self._of(table, results, finding, days) for finding in findings}

    def _of(self, table: FilmTable, results: Sequence[Any], finding: str, days: int) -> LocalFilms:
        column = FINDINGS.index(finding)
        found = _relevant(finding, results)
        counting = table.only(_of_patients(table, column, found, days))
        verification, positive, result, used = self._verified(counting, found, days)
        films = ReadFilms(
            score=counting.score[:, column],
            stratum=counting.stratum[:, column],
            verification=verification,
            positive=positive,
            day=counting.day,
        )
        return LocalFilms(films=films, table=counting, result=result, left_out=len(found.patient) - used)

    def last_month(self, person: Person, model: Model, finding: str, today: date) -> Floats:
        """Return the probabilities of the studies of the last 30 days, of each study the highest; all that count."""
        person.need(Right.SEE_ALL)
        table = self.table(person, model)
        since = today.toordinal() - MONTH_DAYS
        some = table.only((table.standing == Standing.COUNTS) & (table.day > since))
        scores = some.score[:, FINDINGS.index(finding)]
        order = np.lexsort((scores, some.study))
        studies = some.study[order]
        last = np.append(studies[1:] != studies[:-1], True)[: len(studies)]
        found: Floats = scores[order][last]
        return found

    def _verified(self, counting: FilmTable, found: _Found, days: int) -> tuple[Ints, Flags, Ints, int]:
        """Say of each film whether and why its patient was tested, what was found, by which result; and how many count.

        A test counts before a radiologist; of several, one that is positive, and a reason other than the film.
        """
        count = len(counting.patient)
        place = np.minimum(np.searchsorted(counting.patient, found.patient), max(count - 1, 0))
        fits = np.zeros(len(found.patient), bool)
        if count:
            near = np.abs(counting.day[place] - found.day) <= days
            fits = (counting.patient[place] == found.patient) & near
        tested = np.zeros(count, bool)
        tested[place[fits & found.is_test]] = True
        if count:
            fits &= found.is_test | ~tested[place]
        verification, positive = np.full(count, Verification.NOT_TESTED, np.int64), np.zeros(count, bool)
        verification[place[fits]] = Verification.BY_FILM
        verification[place[fits & ~found.by_film]] = Verification.ANYWAY
        positive[place[fits & found.positive]] = True
        result = np.zeros(count, np.int64)
        result[place[fits][::-1]] = found.result[fits][::-1]  # they come in the order of their ids: the first stays
        return verification, positive, result, int(fits.sum())

    def _results(self, person: Person) -> Sequence[Any]:
        query = (
            select(
                ReferenceResult.id,
                Study.patient_id,
                ReferenceResult.kind,
                ReferenceResult.result,
                ReferenceResult.tested_on,
                ReferenceResult.reason,
            )
            .join(Study, Study.id == ReferenceResult.study_id)
            .where(Study.clinic_id == person.clinic_id)
        )
        return sorted(self._session.execute(query).all(), key=itemgetter(0))


def model_in_use_of(session: Session, clinic_id: int) -> Model | None:
    """Return the model in use where it read the newest film of a clinic."""
    read = select(ReadingRecord.model, ReadingRecord.version).join(FilmRecord).join(Study)
    read = read.where(Study.clinic_id == clinic_id).order_by(ReadingRecord.id.desc())
    row = session.execute(read.limit(1)).one_or_none()
    used = current_model()
    return used if row and Model(name=row.model, version=row.version) == used else None


class _Found(NamedTuple):
    """The results that say something of one finding, as columns."""

    result: Ints
    patient: Ints
    day: Ints
    is_test: Flags
    positive: Flags
    by_film: Flags


def _relevant(finding: str, results: Sequence[Any]) -> _Found:
    kinds = {*TESTS[finding], ReferenceTest.RADIOLOGIST}
    some = [row for row in results if row.kind in kinds]
    return _Found(
        result=np.array([row.id for row in some], np.int64),
        patient=np.array([row.patient_id for row in some], np.int64),
        day=np.array([row.tested_on.toordinal() if row.tested_on else -1 for row in some], np.int64),
        is_test=np.array([row.kind != ReferenceTest.RADIOLOGIST for row in some], bool),
        positive=np.array([row.result in (Outcome.POSITIVE, finding) for row in some], bool),
        by_film=np.array([row.reason in _BY_FILM for row in some], bool),
    )


def _of_patients(table: FilmTable, column: int, found: _Found, days: int) -> Ints:
    """Return the places of the films that stand for the patients, in the order of their ids."""
    known = _LEADING.setdefault(table, {})
    if column not in known:
        known[column] = leading(table, column)
    places, sureness = _near(table, found, days)
    near = places[_highest(table.only(places), column, sureness)]
    others = known[column][~np.isin(table.patient[known[column]], table.patient[near])]
    both = np.concatenate([others, near])
    chosen: Ints = both[np.argsort(table.patient[both])]
    return chosen


def _near(table: FilmTable, found: _Found, days: int) -> tuple[Ints, Ints]:
    """Return the places of films that some result is near, and how sure the surest of these is for each."""
    counts = (table.standing == Standing.COUNTS) & np.isin(table.patient, found.patient)
    places = np.flatnonzero(counts)
    places = places[np.argsort(table.patient[places])]
    begin, end = (np.searchsorted(table.patient[places], found.patient, side) for side in ("left", "right"))
    films = end - begin
    result = np.repeat(np.arange(len(films)), films)
    film = np.arange(len(result)) + np.repeat(end - np.cumsum(films), films)
    near = np.abs(table.day[places[film]] - found.day[result]) <= days
    sureness = np.zeros(len(places), np.int64)
    np.maximum.at(sureness, film[near], (1 + found.positive + 2 * found.is_test)[result[near]])
    return places[sureness > 0], sureness[sureness > 0]


def leading(table: FilmTable, column: int) -> Ints:
    """Return the places of each patient's highest film that counts, in the order of the patients' ids."""
    places = np.flatnonzero(table.standing == Standing.COUNTS)
    found: Ints = places[_highest(table.only(places), column, np.zeros(len(places), np.int64))]
    return found


def _highest(table: FilmTable, column: int, sureness: Ints) -> Ints:
    """Return the place of each patient's film: of the surest the highest, of equals the first."""
    score = table.score[:, column] * (-1 if column == NORMAL else 1)
    order = np.lexsort((-table.film, score, sureness, table.patient))
    patient = table.patient[order]
    last = np.append(patient[1:] != patient[:-1], True)[: len(patient)]
    found: Ints = order[last]
    return found
