"""Results from a table: each row finds its study; shown before anything is kept, and kept all or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.errors import NotFound, Rejected
from lungwise.patients.service import Patient
from lungwise.store import keys_of
from lungwise.studies.first_day import first_day
from lungwise.studies.header_index import accession_context
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.reference_results import ReferenceResults
from lungwise.studies.reference_tests import EnteredResult
from lungwise.studies.result_table import TableRow, read_table
from lungwise.studies.service import Studies
from lungwise.studies.visibility import visible_to
from lungwise.time_zones import day_in

KnownBy = Callable[[Person, str], list[Patient]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """A row with the study that it is of; or why it cannot be kept."""

    row: TableRow
    study: Study | None = None
    rejected: Rejected | None = None
    too_far: int | None = None
    """How many days from the film the test was done, where it counts for no film because of that."""


class ResultImport:
    """Takes results from tables.

    Parameters
    ----------
    known_by
        Lists the patients of a clinic that have an identifier.
    days
        How many days may lie between a film and the test, where a row names the patient alone.
    zone
        The clinic's time zone, in which a film that states no day came on one.
    """

    def __init__(
        self,
        session: Session,
        studies: Studies,
        results: ReferenceResults,
        known_by: KnownBy,
        days: int,
        zone: tzinfo = UTC,
    ) -> None:
        self._session = session
        self._studies = studies
        self._results = results
        self._known_by = known_by
        self._days = days
        self._zone = zone

    def preview(self, person: Person, data: bytes) -> list[FoundRow]:
        """Say of each row which study it is of, or why it cannot be kept; keep nothing.

        Raises
        ------
        Rejected
            If it is no table of results.
        """
        person.need(Right.CONCLUDE)
        rows = read_table(data)
        accessions = self._accessions(person, {row.accession for row in rows if row.accession})
        first: dict[tuple[object, ...], int] = {}
        return [self._found(person, row, accessions, first) for row in rows]

    def keep(self, person: Person, data: bytes, *, only_good: bool) -> int:
        """Keep the results of a table, and return how many they are.

        Raises
        ------
        Rejected
            If a row cannot be kept, and the person has not said that the others shall be.
        """
        found = self.preview(person, data)
        if not only_good and any(one.rejected for one in found):
            raise Rejected("Some rows cannot be kept. Correct them, or keep only the others. Nothing was kept.")
        good = [one for one in found if one.study and one.row.entered and not one.rejected]
        for one in good:
            if one.study and one.row.entered:
                self._results.add(person, one.study.key, one.row.entered)
        return len(good)

    def _found(
        self, person: Person, row: TableRow, accessions: dict[str, list[str]], first: dict[tuple[object, ...], int]
    ) -> FoundRow:
        if row.rejected or row.entered is None:
            return FoundRow(row=row, rejected=row.rejected)
        study: Study | None = None
        try:
            study = self._study(person, row, row.entered.tested_on, accessions)
            self._check_patient(person, study, row.patient)
            self._results.check(person, study, row.entered)
            _check_first(study, row, row.entered, first)
        except Rejected as rejected:
            return FoundRow(row=row, study=study, rejected=rejected)
        days = abs((_day(study, self._zone) - row.entered.tested_on).days)
        return FoundRow(row=row, study=study, too_far=days if days > self._days else None)

    def _study(self, person: Person, row: TableRow, day: date, accessions: dict[str, list[str]]) -> Study:
        keys = [row.study] if row.study else accessions.get(row.accession, []) if row.accession else []
        keys = keys or ([] if row.study or row.accession else self._of_patient(person, row.patient, day))
        if len(set(keys)) > 1:
            raise Rejected("This could be one of several studies. Give the study's key.")
        if not (keys or row.study or row.accession):
            raise Rejected(
                "Your clinic has no study of this patient within %(days)s days of this test.", days=self._days
            )
        try:
            return self._studies.get(person, keys[0] if keys else "")
        except NotFound:
            raise Rejected("No study of your clinic has this number.") from None

    def _check_patient(self, person: Person, study: Study, identifier: str) -> None:
        """Refuse a row whose study is of somebody else than it says: one of the two was mistyped."""
        named = identifier.removeprefix("'")  # before what a spreadsheet would take for a formula
        known = (patient.id for name in {identifier, named} for patient in self._known_by(person, name))
        if identifier and self._studies.patient(person, study).id not in known:
            raise Rejected("This study is of another patient than the row says.")

    def _of_patient(self, person: Person, identifier: str, day: date) -> list[str]:
        """Return the key of the patient's study that is nearest to a day, of those that are near enough."""
        near: dict[int, list[str]] = defaultdict(list)
        patients = {patient.id: patient for patient in self._known_by(person, identifier)}
        if len(patients) > 1:
            raise Rejected("Several patients have this identifier. Give the study's key or its accession number.")
        for patient in patients.values():
            for study in self._studies.of_patient(person, patient):
                days = abs((_day(study, self._zone) - day).days)
                if days <= self._days:
                    near[days].append(study.key)
        return near[min(near)] if near else []

    def _accessions(self, person: Person, numbers: Collection[str]) -> dict[str, list[str]]:
        """Return the studies by the numbers of their orders, which lie encrypted: by index, where they have one."""
        keys, context = keys_of(self._session), accession_context(person.clinic_id)
        indexes = [index for number in numbers for index in keys.indexes(context, number)]
        there = FilmRecord.accession_index.in_(indexes) | FilmRecord.accession_index.is_(None)
        films = select(FilmRecord).join(Study).where(visible_to(person), FilmRecord.accession_encrypted.is_not(None))
        found: dict[str, list[str]] = defaultdict(list)
        if numbers:
            for film in self._session.scalars(films.where(there).options(selectinload(FilmRecord.study))):
                found[film.accession].append(film.study.key)
        return found


def _check_first(study: Study, row: TableRow, entered: EnteredResult, first: dict[tuple[object, ...], int]) -> None:
    same = (study.id, entered.kind, entered.tested_on)
    if first.setdefault(same, row.line) != row.line:
        raise Rejected("Line %(line)s has a result of the same test on the same day.", line=first[same])


def _day(study: Study, zone: tzinfo) -> date:
    """Return the day of a study: on which its first film was taken, or else came."""
    return first_day(study, study.films, zone) or day_in(zone, study.created_at)
