"""The rules of studies: who sees them, what a doctor concludes, and how they are deleted for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.clinics.destinations import DestinationsOf, nowhere
from lungwise.errors import Contradiction, NotFound, Rejected, Unavailable
from lungwise.films import Film, open_film
from lungwise.films.dicom.header import read_header
from lungwise.inputs import refuse_overwriting
from lungwise.orders.progress import OrderProgress
from lungwise.orders.service import Order
from lungwise.patients.identity import PatientFacts, contradictions
from lungwise.patients.service import Patient, Patients
from lungwise.patients.stated_facts import facts_of
from lungwise.store import Clock, CollisionError, FilmStore, after_commit, database_time, new_key
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.diagnosis import Diagnosis, agreed_diagnosis, contradicts
from lungwise.studies.extent_changes import ExtentChange, compared_with, extent_changes
from lungwise.studies.film_data import fetched
from lungwise.studies.models import (
    FilmRecord,
    Opinion,
    ReadingRecord,
    ReferenceResult,
    Study,
    StudyStatus,
)
from lungwise.studies.named_orders import studies_naming_others
from lungwise.studies.other_objects import ObjectsOfStudy, OtherObjects
from lungwise.studies.outdated_opinions import is_outdated, outdated_conclusions
from lungwise.studies.recipients import Recipients
from lungwise.studies.report_changes import ReportChanges
from lungwise.studies.report_identifiers import ReportIdentifiers, report_identifiers
from lungwise.studies.sent_reports import SentReports
from lungwise.studies.stated_patients import as_known_to
from lungwise.studies.stored_answers import film_answers
from lungwise.studies.urgency import urgency_of
from lungwise.studies.visibility import visible_to

__all__ = ["Conclusion", "FilmRecord", "Opinion", "ReadingRecord", "ReferenceResult", "Studies", "Study", "StudyStatus"]

_SAID = ("author_id", "agrees", "conclusion", "other", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a doctor says of a study; `answer_version` is that of the answer that was seen, where that is known."""

    agrees: bool | None = None
    conclusion: Diagnosis | None = None
    other: str = ""
    note: str = ""
    answer_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOrders:
    """The orders that a study answers, and those of other patients that its films name."""

    answered: tuple[Order, ...] = ()
    of_others: tuple[Order, ...] = ()


class Studies:
    """The studies of every clinic, each person seeing their own clinic's.

    Parameters
    ----------
    report_to
        Gives the systems that get each version of every report of a clinic.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        store: FilmStore,
        patients: Patients,
        audit: AuditTrail,
        report_to: DestinationsOf = nowhere,
    ) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self._patients = patients
        self._audit = audit
        self.objects = OtherObjects(session, store)
        self.report_changes = ReportChanges(session, clock, report_to)
        self.orders = OrderProgress(session)
        self.sent_reports = SentReports(session, clock)
        self.recipients = Recipients(session, clock)

    def get(self, person: Person, key: str) -> Study:
        """Find a study that the person sees, with its films, readings and opinions."""
        person.need(Right.SEE)
        query = (
            select(Study)
            .where(Study.key == key, visible_to(person))
            .options(
                selectinload(Study.films).selectinload(FilmRecord.readings),
                selectinload(Study.dispatches),
                selectinload(Study.films).selectinload(FilmRecord.jobs),
                selectinload(Study.opinions),
                selectinload(Study.reference_results),
            )
        )
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def _locked(self, person: Person, key: str) -> Study:
        """Find a study, and keep others from changing it before this transaction ends."""
        query = select(Study).where(Study.key == key, Study.clinic_id == person.clinic_id).with_for_update()
        self._session.scalars(query.execution_options(populate_existing=True)).all()
        return self.get(person, key)

    def patient(self, person: Person, study: Study) -> Patient:
        """Return the study's patient, as the person may know them.

        Raises
        ------
        CollisionError
            If both were deleted since the study was found.
        """
        found = self._patients.by_id(person, study.patient_id)
        if found is None:
            raise CollisionError(f"The patient of study {study.key} is deleted.")
        return as_known_to(person, study, found)

    def of_patient(self, person: Person, patient: Patient) -> list[Study]:
        """List a patient's studies that the person sees, with their films, the newest first."""
        person.need(Right.SEE)
        query = (
            select(Study)
            .where(Study.patient_id == patient.id, visible_to(person))
            .options(selectinload(Study.films).selectinload(FilmRecord.readings))
            .order_by(Study.created_at.desc(), Study.id.desc())
        )
        return list(self._session.scalars(query))

    def extent_changes(self, person: Person, study: Study, patient: Patient) -> dict[str, ExtentChange]:
        """Return what changed on a patient's films since earlier ones, by the film's key.

        Nothing where no film of the study can be compared.
        """
        if all(film.taken_on is None for film in study.films):
            return {}  # which spares the query
        return extent_changes(self.of_patient(person, patient), patient)

    def film(self, person: Person, key: str) -> FilmRecord:
        """Find a film of a study that the person sees."""
        person.need(Right.SEE)
        query = select(FilmRecord).join(Study).where(FilmRecord.key == key, visible_to(person))
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def data(self, film: FilmRecord) -> bytes:
        """Return a film's bytes.

        Raises
        ------
        Unavailable
            If the store does not give them.
        """
        return fetched(self._store, film.study.key, film.sha256)

    def opened(self, film: FilmRecord) -> Film:
        """Decode a film, where it was photographed, as it was cut out.

        Raises
        ------
        Refusal
            If it cannot be decoded.
        """
        return open_film(self.data(film), film.photographed)

    def loader(self, film: FilmRecord) -> Callable[[], bytes]:
        """Return a function that reads a film's bytes, also after the session has ended."""
        return partial(self._store.get, film.study.key, film.sha256)

    def ordered(self, study: Study) -> StudyOrders:
        """Return the orders that a study answers, and those of other patients that its films name."""
        return StudyOrders(answered=tuple(self.orders_of(study)), of_others=tuple(self.orders_of_others(study)))

    def orders_of(self, study: Study) -> list[Order]:
        """List the orders that a study answers, those of its patient alone."""
        return [order for order in self.orders.of_study(study.key) if order.patient_id == study.patient_id]

    def orders_of_others(self, study: Study) -> list[Order]:
        """List the orders of other patients that a study's films name: it is unclear whose films these are."""
        numbers = {film.accession for film in study.films if film.accession}
        uids = {film.study_uid for film in study.films if film.study_uid}
        return self.orders.of_others(study.clinic_id, study.patient_id, numbers, uids)

    def outdated_conclusions(self, studies: Sequence[Study]) -> set[int]:
        """Return the ids of those among studies whose conclusion is older than a film or its newest reading."""
        return outdated_conclusions(self._session, [study.id for study in studies if study.conclusion])

    def naming_others(self, studies: Sequence[Study]) -> set[int]:
        """Return the ids of those among a clinic's studies that name an order of another patient."""
        return studies_naming_others(self._session, studies)

    def objects_of(self, person: Person, study: Study) -> ObjectsOfStudy:
        """Find the objects beside a study's films: of its DICOM studies, and of its patient."""
        uids = {film.study_uid for film in study.films if film.study_uid}
        found = ObjectsOfStudy(theirs=[], unfetched=[])
        for item in self.objects.having(person, uids) if uids else []:
            try:
                if self._is_its_patients(person, study, self.objects.data(item)):
                    found.theirs.append(item)
            except Unavailable:
                found.unfetched.append(item)
        return found

    def _is_its_patients(self, person: Person, study: Study, data: bytes) -> bool:
        header = read_header(data)
        return header is None or self.is_of(person, study, self._patients.rules.stated(facts_of(header)))

    def saw(self, person: Person, key: str, *, right_after_upload: bool = False) -> None:
        """Note that a person saw a study. It counts as read for the whole clinic once somebody who may conclude saw it.

        Seeing it without its verdict does not count, nor as the result that is shown right after the upload.
        """
        person.need(Right.SEE)
        query = select(Study.id, Study.status, Study.unread).where(Study.key == key, visible_to(person))
        study = self._session.execute(query).one_or_none()
        if study is None:
            raise NotFound
        counts = person.may(Right.CONCLUDE) and not right_after_upload and study.status != StudyStatus.WAITING
        if study.unread and counts:
            self._session.execute(update(Study).where(Study.id == study.id).values(unread=False))
        self._audit.record(person, Action.SAW, Subject.STUDY, key)

    def conclude(self, person: Person, key: str, entered: Conclusion) -> Opinion:
        """Keep an opinion beside the readings, which stay as they are.

        Where a person says again what the study's newest opinion says, their own of the same answer, it is that one:
        a form is sent anew where its answer was lost.

        Raises
        ------
        Rejected
            If it says nothing at all, or agrees where there is no verdict.
        Contradiction
            If it is of another answer than the study's is now, or of one that is still to come.
        """
        person.need(Right.CONCLUDE)
        study = self._locked(person, key)  # a film that is added or read meanwhile would seem older, and as if seen
        agreed = agreed_diagnosis(film_answers(study)) if entered.agrees else None
        _check(study, entered)
        _check_agreement(agreed, entered)
        conclusion = entered.conclusion or agreed
        opinion = Opinion(
            key=new_key(),
            study_id=study.id,
            author_id=person.id,
            author_name=person.name,
            author_role=person.role,
            created_at=database_time(self._session, self._clock),  # as those of films and readings: of one clock
            agrees=entered.agrees,
            conclusion=conclusion,
            note=entered.note.strip(),
        )
        if entered.other.strip():
            opinion.other = entered.other.strip()
        if study.opinions and _says_again(study, study.opinions[-1], opinion):
            return study.opinions[-1]
        study.opinions.append(opinion)
        study.conclusion = conclusion or study.conclusion
        self._session.flush()
        self.report_changes.of_study(study, opinion.created_at)  # a first opinion corrects nothing that was said before
        self._audit.record(person, Action.GAVE_OPINION, Subject.STUDY, study.key)
        return opinion

    def describe(
        self, person: Person, key: str, details: ClinicalDetails, known: ClinicalDetails | None = None
    ) -> Study:
        """Keep the patient's symptoms and oxygen saturation on this visit, in place of what was known.

        Parameters
        ----------
        known
            What the person was shown as known, where that is known.

        Raises
        ------
        Conflict
            If somebody else has changed what was known.
        """
        person.need(Right.UPLOAD)
        study = self._locked(person, key)
        refuse_overwriting(known, study.clinical, details)
        study.clinical = details
        study.urgency = urgency_of(study, is_whole=not film_answers(study).missing)
        self._session.flush()
        self.report_changes.of_study(study)
        self._audit.record(person, Action.CHANGED, Subject.STUDY, study.key)
        return study

    def delete(self, person: Person, key: str) -> None:
        """Delete a study that should not be here, and withdraw its report from the systems that have it.

        What it answered is asked for again, unless another study answers. Reports of that one change, and those that
        compare a later film with one of its.

        Raises
        ------
        Unavailable
            If the store does not say now whose an object of its DICOM studies is.
        """
        person.need(Right.DELETE)
        study = self.get(person, key)
        changed = compared_with(self._session, [film.id for film in study.films])
        self.recipients.withdraw(study)
        answering = AnsweredOrders(self._session).ask_again(study)
        changed += [one for one in answering if one.status != StudyStatus.WAITING and one not in changed]
        self.remove(person, key)
        for other in changed:
            self.report_changes.of_study(other)

    def report_identifiers(self, study: Study) -> ReportIdentifiers:
        """Return what identifies a study's report elsewhere."""
        return report_identifiers(study, self._session.get_one(Patient, study.patient_id), self.orders_of(study))

    def remove(self, person: Person, key: str) -> None:
        """Delete a study with all its films, readings and opinions; its files go once that is committed.

        The objects beside its films go with the last study that has them. Its report, unless it was withdrawn before,
        holds elsewhere as it did.

        Raises
        ------
        Unavailable
            If the store does not say now whose an object of its DICOM studies is.
        """
        person.need(Right.DELETE)
        study = self.get(person, key)
        objects = self.objects_of(person, study)
        others = self.objects.other_studies(study) if objects.all else []
        self.objects.delete_unshared(objects, [self.objects_of(person, other) for other in others])
        AnsweredOrders(self._session).release(study)
        self.recipients.forget_all(study.key)
        self._session.delete(study)
        self._session.flush()
        after_commit(self._session, partial(self._store.delete, study.key))
        self._audit.record(person, Action.DELETED, Subject.STUDY, study.key)

    def is_of(self, person: Person, study: Study, facts: PatientFacts) -> bool:
        """Return whether a film that states these facts of its patient may go into a study."""
        if facts.identifier:
            match = self._patients.match(person, facts)
            return match is not None and (match.patient.id, match.merged_from_id) == (
                study.patient_id,
                study.merged_from_id,
            )
        record = self._session.get_one(Patient, study.merged_from_id or study.patient_id)
        return not contradictions(record.facts, facts)


def _says_again(study: Study, newest: Opinion, opinion: Opinion) -> bool:
    """Return whether an opinion is the newest one once more: the same person's, of the same answer."""
    return all(getattr(newest, name) == getattr(opinion, name) for name in _SAID) and not is_outdated(study, newest)


def _check(study: Study, entered: Conclusion) -> None:
    if replace(entered, answer_version=None) == Conclusion():
        raise Rejected("This opinion is empty. Agree, disagree, or write what you conclude.")
    if entered.answer_version not in (None, study.answer_version):
        raise Contradiction("A film was added or read since you opened this page. Look at the result again, then save.")
    if entered.agrees is not None and study.status == StudyStatus.WAITING:
        raise Contradiction("Not every film of this study is read yet, so there is no verdict to agree with.")
    if entered.agrees is not None and study.status == StudyStatus.REFUSED:
        raise Rejected("No film of this study could be read, so there is no verdict to agree with.")
    if (entered.conclusion is Diagnosis.OTHER) != bool(entered.other.strip()):
        raise Rejected(
            "Choose “Another diagnosis” and write what it is, or choose another conclusion and leave that field empty."
        )


def _check_agreement(agreed: Diagnosis | None, entered: Conclusion) -> None:
    if contradicts(agreed, entered.conclusion):
        raise Rejected("You agree, but your conclusion is something else. Choose “I disagree”, or another conclusion.")
