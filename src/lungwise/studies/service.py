"""The rules of studies: saved first, read afterwards, concluded by a doctor, deleted for good."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from lungwise.access import Person, Right
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound, Rejected
from lungwise.films import Film, open_film
from lungwise.films.dicom.header import DicomHeader, read_header
from lungwise.jobs.reading_queue import ANSWERED
from lungwise.metrics import UNCLEAR
from lungwise.patients.identity import contradictions
from lungwise.patients.service import Patient, PatientFacts, Patients, Placed
from lungwise.reading.reading import Verdict
from lungwise.receiving.duplicates import Duplicates, renamed_uid
from lungwise.receiving.film_files import fetched
from lungwise.receiving.held_films import HeldFilms
from lungwise.receiving.own_results import is_marked_as_own, result_series_uids
from lungwise.receiving.stated_facts import agreed_facts, facts_of, stated_facts
from lungwise.receiving.uploads import Limits, ReceivedInstance, Upload, too_many
from lungwise.store import Clock, CollisionError, FilmStore, database_time, new_key
from lungwise.studies.models import (
    Acceptance,
    FilmRecord,
    Job,
    JobState,
    Opinion,
    OtherObject,
    ReadingRecord,
    Study,
    StudyStatus,
)
from lungwise.studies.other_objects import OtherObjects
from lungwise.studies.uids import own_uid

__all__ = ["Conclusion", "FilmRecord", "Opinion", "ReadingRecord", "Studies", "Study", "StudyStatus"]

_log = logging.getLogger("lungwise.studies")
_BESIDE = 20
"""Studies beside the collecting one that are looked at for an arrived film: patients whose films have one study UID."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a doctor says of a study."""

    agrees: bool | None = None
    conclusion: Verdict | None = None
    pcr: Verdict | None = None
    note: str = ""


class Studies:
    """The studies of every clinic, each person seeing their own clinic's."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        store: FilmStore,
        limits: Limits,
        patients: Patients,
        audit: AuditTrail,
    ) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self.limits = limits
        self._patients = patients
        self._audit = audit
        self.duplicates = Duplicates(session, store, patients)
        self.objects = OtherObjects(session, clock, store, audit)
        self.held = HeldFilms(session, clock, store, audit)

    def agreed(self, typed: PatientFacts, uploads: Iterable[Upload]) -> PatientFacts:
        """Put together what was typed and what the films' headers state of the patient.

        Raises
        ------
        Rejected
            If that cannot be one patient.
        """
        return agreed_facts(typed, _headers(uploads), self._patients.rules)

    def record(
        self,
        person: Person,
        key: str,
        typed: PatientFacts,
        kept: dict[str, Upload],
        *,
        asks: bool = False,
        renames: bool = False,
    ) -> Study:
        """Record a new study whose films lie in the store, each with the job of reading it.

        Where it is not clear who the patient is and this `asks` the person, reading waits a while for the answer.
        Where it `renames`, its one film gets a SOP Instance UID in place of its own, which is another film's.
        """
        person.need(Right.UPLOAD)
        placed = self._placed(person, self.agreed(typed, kept.values()))
        study = Study(
            key=key,
            clinic_id=person.clinic_id,
            patient_id=placed.patient.id,
            apart_id=placed.apart_id,
            author_id=person.id,
            created_at=self._clock(),
            unread=True,
            standing=StudyStatus.WAITING,
            probability=0.0,
        )
        self._session.add(study)
        self._keep(study, kept, wait=asks and placed.patient.is_unclear, renames=renames)
        self._audit.record(person, "uploaded", "study", study.key)
        return study

    def admit(self, person: Person, key: str, uploads: Iterable[Upload]) -> Study:
        """Find a study for further films, before they are put into the store.

        Raises
        ------
        Rejected
            If they are another patient's, or too many.
        """
        person.need(Right.UPLOAD)
        study = self.get(person, key)
        uploads = list(uploads)
        if not self._is_of(person, study, stated_facts(_headers(uploads), self._patients.rules)):
            raise Rejected("This film's DICOM header names another patient. Open a new study for it.")
        self._fresh(study, {self._store.name_of(upload.data): upload for upload in uploads})
        return study

    def record_more(self, person: Person, key: str, kept: dict[str, Upload]) -> Study:
        """Record further films of a study, which lie in the store; one that it has already is not recorded twice.

        Raises
        ------
        CollisionError
            If another upload of the same film was undone meanwhile, and the file with it.
        """
        study = self.admit(person, key, kept.values())
        self._lock(study, kept)
        self._learn(person, study, stated_facts(_headers(kept.values()), self._patients.rules))
        self._keep(study, kept)
        self._audit.record(person, "uploaded", "study", study.key)
        return study

    def is_own_result(self, person: Person, upload: Upload) -> bool:
        """Say whether an object is a result of Lungwise: by its marks, or in a series of the results of a film here."""
        header = upload.header
        if header is None:
            return False
        query = (
            select(FilmRecord.instance_uid, ReadingRecord.model, ReadingRecord.version)
            .join_from(FilmRecord, ReadingRecord)
            .join(Study)
            .where(FilmRecord.study_uid == header.study_uid, Study.clinic_id == person.clinic_id)
        )
        return is_marked_as_own(header) or any(
            header.series_uid in result_series_uids(uid or "", model, version)
            for uid, model, version in self._session.execute(query)
        )

    def place(self, node: Person, arrival: ReceivedInstance) -> str:
        """Say which study a new film that arrived goes into, perhaps a new one's key.

        Raises
        ------
        Rejected
            If the study has its most films already.
        """
        node.need(Right.UPLOAD)
        study = self._place_for(node, arrival, self._collector(node, arrival))
        if study is not None and len(study.films) >= self.limits.films:
            raise too_many(self.limits.films, len(study.films) + 1)
        return study.key if study else new_key()

    def receive(self, node: Person, key: str, name: str, arrival: ReceivedInstance) -> None:
        """Record a new film that arrived and lies in the store by that name, where `place` said, with its job.

        Raises
        ------
        Rejected
            If the study has its most films already.
        CollisionError
            If the place holds no more, since another film of the study, or this film itself, arrived in between.
        IntegrityError
            If another film of the study, or this film itself, is being recorded at this moment.
        """
        if self.duplicates.is_here(node, arrival.film):
            raise CollisionError(f"A film of SOP Instance UID {arrival.film.uids.instance} is here now.")
        self.place(node, arrival)
        collector = self._collector(node, arrival)  # asked once: what comes to be after this breaks the constraint
        study = self._place_for(node, arrival, collector)
        if study is not None:
            if study.key != key:
                raise CollisionError(f"The films of study {key} go into another one now.")
            self._lock(study, {name: arrival.film})
            self._learn(node, study, self._patients.rules.stated(arrival.patient))
        study = study or self._arrived(node, key, arrival, collects=collector is None)
        self._keep(study, {name: arrival.film})
        film = next(film for film in study.films if film.sha256 == name)
        accepted = Acceptance(
            clinic_id=node.clinic_id, instance_uid=arrival.film.uids.instance, film_id=film.id, sender=arrival.sender
        )
        self._session.add(accepted)
        self._audit.record(node, "received", "study", study.key)

    def get(self, person: Person, key: str) -> Study:
        """Find a study of the person's clinic, with its films, readings and opinions."""
        person.need(Right.SEE)
        query = (
            select(Study)
            .where(Study.key == key, Study.clinic_id == person.clinic_id)
            .options(
                selectinload(Study.films).selectinload(FilmRecord.readings).selectinload(ReadingRecord.dispatches),
                selectinload(Study.films).selectinload(FilmRecord.jobs),
                selectinload(Study.opinions),
            )
        )
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def patient(self, person: Person, study: Study) -> Patient:
        """Give the study's patient.

        Raises
        ------
        CollisionError
            If both were deleted since the study was found.
        """
        found = self._patients.by_ids(person, [study.patient_id]).get(study.patient_id)
        if found is None:
            raise CollisionError(f"The patient of study {study.key} is deleted.")
        return found

    def of_patient(self, person: Person, patient: Patient) -> list[Study]:
        """List a patient's studies with their films, the newest first."""
        person.need(Right.SEE)
        query = (
            select(Study)
            .where(Study.patient_id == patient.id, Study.clinic_id == person.clinic_id)
            .options(selectinload(Study.films).selectinload(FilmRecord.readings))
            .order_by(Study.created_at.desc(), Study.id.desc())
        )
        return list(self._session.scalars(query))

    def film(self, person: Person, key: str) -> FilmRecord:
        """Find a film of the person's clinic."""
        person.need(Right.SEE)
        query = select(FilmRecord).join(Study).where(FilmRecord.key == key, Study.clinic_id == person.clinic_id)
        found = self._session.scalar(query)
        if found is None:
            raise NotFound
        return found

    def data(self, film: FilmRecord) -> bytes:
        """Give a film's bytes.

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
        """Give what reads a film's bytes, also when the session is gone."""
        return partial(self._store.get, film.study.key, film.sha256)

    def objects_of(self, person: Person, study: Study) -> list[OtherObject]:
        """List the objects beside a study's films: of its DICOM studies, and of its patient."""
        uids = {film.study_uid for film in study.films if film.study_uid}
        found = self.objects.having(person, uids) if uids else []
        return [item for item in found if self._is_its_patients(person, study, self.objects.data(item))]

    def _is_its_patients(self, person: Person, study: Study, data: bytes) -> bool:
        header = read_header(data)
        return header is None or self._is_of(person, study, self._patients.rules.stated(facts_of(header)))

    def saw(self, person: Person, key: str) -> None:
        """Note that a person saw a study; once seen with its verdict it counts as read."""
        person.need(Right.SEE)
        query = select(Study.id, Study.standing, Study.unread).where(
            Study.key == key, Study.clinic_id == person.clinic_id
        )
        study = self._session.execute(query).one_or_none()
        if study is None:
            raise NotFound
        if study.unread and study.standing != StudyStatus.WAITING:
            self._session.execute(update(Study).where(Study.id == study.id).values(unread=False))
        self._audit.record(person, "saw", "study", key)

    def conclude(self, person: Person, key: str, said: Conclusion) -> Opinion:
        """Keep an opinion beside the readings, which stay as they are.

        Raises
        ------
        Rejected
            If it says nothing at all.
        """
        person.need(Right.CONCLUDE)
        study = self.get(person, key)
        if said == Conclusion():
            raise Rejected("This opinion is empty. Agree, disagree, or write what you conclude.")
        conclusion = said.conclusion or (_verdict(study) if said.agrees else None)
        opinion = Opinion(
            key=new_key(),
            study_id=study.id,
            author_id=person.id,
            author_name=person.name,
            author_role=person.role,
            created_at=self._clock(),
            agrees=said.agrees,
            conclusion=conclusion,
            pcr=said.pcr,
            note=said.note.strip(),
        )
        study.opinions.append(opinion)
        study.conclusion = conclusion or study.conclusion
        study.pcr = said.pcr or study.pcr
        self._session.flush()
        self._audit.record(person, "gave opinion", "study", study.key)
        return opinion

    def delete(self, person: Person, key: str) -> Callable[[], None]:
        """Delete a study with all its films, readings and opinions.

        Returns
        -------
        What deletes the files; call it once the transaction is committed.
        """
        person.need(Right.DELETE)
        study = self.get(person, key)
        delete_objects = self.objects.delete(self.objects_of(person, study))
        self._session.delete(study)
        self._session.flush()
        self._audit.record(person, "deleted", "study", study.key)

        def delete_files() -> None:
            self._store.delete(study.key)
            delete_objects()

        return delete_files

    def delete_patient(self, person: Person, key: str) -> Callable[[], None]:
        """Delete a patient with all their studies; see `delete`."""
        person.need(Right.DELETE)
        patient = self._patients.get(person, key)
        deletions = [self.delete(person, study.key) for study in self.of_patient(person, patient)]
        self._patients.remove(person, patient, "deleted")

        def delete_files() -> None:
            for deletion in deletions:
                deletion()

        return delete_files

    def _collector(self, node: Person, arrival: ReceivedInstance) -> Study | None:
        """Find the study that collects the films of the arrived one's DICOM study."""
        same = (Study.clinic_id == node.clinic_id, Study.study_uid == arrival.film.uids.study)
        return self._session.scalar(select(Study).where(*same))

    def _place_for(self, node: Person, arrival: ReceivedInstance, collector: Study | None) -> Study | None:
        """Give the study that takes an arrived film: one of its DICOM study, and of the patient whom it names."""
        facts = self._patients.rules.stated(arrival.patient)
        if collector is None:
            return None
        beside = select(FilmRecord.study_id).where(FilmRecord.study_uid == arrival.film.uids.study)
        query = select(Study).where(
            Study.clinic_id == node.clinic_id,
            Study.id.in_(beside),
            Study.study_uid.is_(None),
            Study.author_id == node.id if node.id else Study.node == node.name,
        )
        studies = (collector, *self._session.scalars(query.order_by(Study.id).limit(_BESIDE)))
        return next((study for study in studies if self._is_of(node, study, facts)), None)

    def _is_of(self, person: Person, study: Study, facts: PatientFacts) -> bool:
        """Say whether a film that states these facts of its patient may go into a study."""
        if facts.identifier:
            meant = self._patients.meant(person, facts)
            return meant is not None and (meant.patient.id, meant.apart_id) == (study.patient_id, study.apart_id)
        record = self._session.get_one(Patient, study.apart_id or study.patient_id)
        return not contradictions(record.facts, facts)

    def _learn(self, person: Person, study: Study, facts: PatientFacts) -> None:
        """Fill in what a film says of its study's patient, so that no film that contradicts it goes there, too."""
        self._patients.learn(person, self._session.get_one(Patient, study.apart_id or study.patient_id), facts)

    def _placed(self, person: Person, facts: PatientFacts) -> Placed:
        """Say whose films are, and count those of whom that is not clear."""
        placed = self._patients.place(person, facts)
        if placed.patient.is_unclear:
            UNCLEAR.inc()
        return placed

    def _arrived(self, node: Person, key: str, arrival: ReceivedInstance, *, collects: bool) -> Study:
        placed = self._placed(node, self._patients.rules.stated(arrival.patient))
        study = Study(
            key=key,
            clinic_id=node.clinic_id,
            patient_id=placed.patient.id,
            apart_id=placed.apart_id,
            author_id=node.id,
            node=None if node.id else node.name,
            study_uid=arrival.film.uids.study if collects else None,
            created_at=self._clock(),
            unread=True,
            standing=StudyStatus.WAITING,
            probability=0.0,
        )
        self._session.add(study)
        return study

    def _lock(self, study: Study, kept: Iterable[str]) -> None:
        """Keep a study that is there already from being deleted, and its films from being undone, while one is added.

        Raises
        ------
        CollisionError
            If that happened before.
        """
        there = self._session.scalar(select(Study.id).where(Study.id == study.id).with_for_update())
        if there is None or not all(self._store.holds(study.key, name) for name in kept):
            raise CollisionError(f"Study {study.key} or a film of it is deleted.")

    def _fresh(self, study: Study, kept: dict[str, Upload]) -> list[tuple[str, Upload]]:
        """Give the films that a study does not have yet.

        Raises
        ------
        Rejected
            If they are more than it may have.
        """
        present = set(self._session.scalars(select(FilmRecord.sha256).where(FilmRecord.study_id == study.id)))
        fresh = [(name, upload) for name, upload in kept.items() if name not in present]
        if len(present) + len(fresh) > self.limits.films:
            raise too_many(self.limits.films, len(present) + len(fresh))
        return fresh

    def _due(self, study: Study, *, wait: bool) -> datetime:
        """Say when films are read: with those of their study that wait for an answer, or at once."""
        now = database_time(self._session)
        if wait:
            return now + ANSWERED
        waiting = (film for film in study.films if not film.by_camera)
        queued = (job.due_at for film in waiting for job in film.jobs if job.state == JobState.QUEUED)
        return max((now, *queued))

    def _keep(self, study: Study, kept: dict[str, Upload], *, wait: bool = False, renames: bool = False) -> None:
        self._session.flush()
        fresh = self._fresh(study, kept)
        now, due = self._clock(), self._due(study, wait=wait)
        for name, upload in fresh:
            asked = max(due, database_time(self._session) + ANSWERED) if upload.by_camera else due
            job = Job(state=JobState.QUEUED, due_at=asked, created_at=now)
            film = FilmRecord(key=new_key(), sha256=name, kind=upload.kind, size=len(upload.data), created_at=now)
            film.study_uid = upload.uids.study or study.study_uid or own_uid("study", study.key)
            film.series_uid = upload.uids.series or own_uid("series", film.key)
            film.instance_uid = upload.uids.instance or own_uid("film", film.key)
            if renames:
                film.instance_uid = renamed_uid(study)
            film.by_camera = upload.by_camera
            if upload.header:
                film.header = facts_of(upload.header).as_json()
            film.jobs.append(job)
            study.films.append(film)
        if fresh:
            study.standing, study.unread = StudyStatus.WAITING, True
        self._session.flush()
        for film in study.films[-len(fresh) :] if fresh else ():
            self.duplicates.note(study.clinic_id, film)
        self._session.flush()


def _headers(uploads: Iterable[Upload]) -> list[DicomHeader]:
    return [upload.header for upload in uploads if upload.header]


def _verdict(study: Study) -> Verdict | None:
    return Verdict(study.standing) if study.standing in set(Verdict) else None
