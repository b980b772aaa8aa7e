"""Recording: films that lie in the store become films of a study, each with the job of reading it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import Rejected
from lungwise.films.dicom.header import DicomHeader
from lungwise.jobs.reading_queue import ANSWER_TIME
from lungwise.metrics import UNCLEAR
from lungwise.patients.service import Patient, PatientFacts, PatientMatch, Patients
from lungwise.patients.stated_facts import agreed_facts, facts_of, stated_facts
from lungwise.receiving.duplicates import Duplicates, renamed_uid
from lungwise.receiving.held_films import HeldFilms
from lungwise.receiving.other_objects import ReceivedObjects
from lungwise.receiving.own_results import is_marked_as_own, result_series_uids
from lungwise.receiving.uploads import Limits, ReceivedInstance, Upload, too_many
from lungwise.store import Clock, CollisionError, FilmStore, database_time, new_key
from lungwise.studies.models import Acceptance, FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus
from lungwise.studies.service import Studies
from lungwise.studies.uids import own_uid

_BESIDE = 20
"""Studies beside the collecting one that are looked at for an instance: patients whose films have one study UID."""


class Recording:
    """Records what a clinic receives, over one session.

    Parameters
    ----------
    limits
        What one upload may hold, and one study.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        store: FilmStore,
        limits: Limits,
        studies: Studies,
        patients: Patients,
        audit: AuditTrail,
    ) -> None:
        self._session = session
        self._clock = clock
        self._store = store
        self.limits = limits
        self.studies = studies
        self._patients = patients
        self._audit = audit
        self.duplicates = Duplicates(session, store, patients)
        self.objects = ReceivedObjects(session, clock, store, audit)
        self.held = HeldFilms(session, clock, store, audit)

    def facts(self, person: Person, key: str) -> PatientFacts:
        """Return what is known of a study's patient."""
        return self.studies.patient(person, self.studies.get(person, key)).facts

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
            apart_id=placed.merged_from_id,
            author_id=person.id,
            created_at=self._clock(),
            unread=True,
            standing=StudyStatus.WAITING,
            probability=0.0,
        )
        self._session.add(study)
        self._keep(study, kept, wait=asks and placed.patient.is_unclear, renames=renames)
        self._audit.record(person, Action.UPLOADED, Subject.STUDY, study.key)
        return study

    def admit(self, person: Person, key: str, uploads: Iterable[Upload]) -> Study:
        """Find a study for further films, before they are put into the store.

        Raises
        ------
        Rejected
            If they are another patient's, or too many.
        """
        person.need(Right.UPLOAD)
        study = self.studies.get(person, key)
        uploads = list(uploads)
        if not self.studies.is_of(person, study, stated_facts(_headers(uploads), self._patients.rules)):
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
        self._audit.record(person, Action.UPLOADED, Subject.STUDY, study.key)
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

    def place(self, node: Person, instance: ReceivedInstance) -> str:
        """Say which study a new film that arrived goes into, perhaps a new one's key.

        Raises
        ------
        Rejected
            If the study has its most films already.
        """
        node.need(Right.UPLOAD)
        study = self._place_for(node, instance, self._collector(node, instance))
        if study is not None and len(study.films) >= self.limits.films:
            raise too_many(self.limits.films, len(study.films) + 1)
        return study.key if study else new_key()

    def receive(self, node: Person, key: str, name: str, instance: ReceivedInstance) -> None:
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
        if self.duplicates.is_here(node, instance.film):
            raise CollisionError(f"A film of SOP Instance UID {instance.film.uids.instance} is here now.")
        self.place(node, instance)
        collector = self._collector(node, instance)  # asked once: what comes to be after this breaks the constraint
        study = self._place_for(node, instance, collector)
        if study is not None:
            if study.key != key:
                raise CollisionError(f"The films of study {key} go into another one now.")
            self._lock(study, {name: instance.film})
            self._learn(node, study, self._patients.rules.stated(instance.patient))
        study = study or self._arrived(node, key, instance, collects=collector is None)
        self._keep(study, {name: instance.film})
        film = next(film for film in study.films if film.sha256 == name)
        accepted = Acceptance(
            clinic_id=node.clinic_id, instance_uid=instance.film.uids.instance, film_id=film.id, sender=instance.sender
        )
        self._session.add(accepted)
        self._audit.record(node, Action.RECEIVED, Subject.STUDY, study.key)

    def _collector(self, node: Person, instance: ReceivedInstance) -> Study | None:
        """Find the study that collects the films of the arrived one's DICOM study."""
        same = (Study.clinic_id == node.clinic_id, Study.study_uid == instance.film.uids.study)
        return self._session.scalar(select(Study).where(*same))

    def _place_for(self, node: Person, instance: ReceivedInstance, collector: Study | None) -> Study | None:
        """Give the study that takes an arrived film: one of its DICOM study, and of the patient whom it names."""
        facts = self._patients.rules.stated(instance.patient)
        if collector is None:
            return None
        beside = select(FilmRecord.study_id).where(FilmRecord.study_uid == instance.film.uids.study)
        query = select(Study).where(
            Study.clinic_id == node.clinic_id,
            Study.id.in_(beside),
            Study.study_uid.is_(None),
            Study.author_id == node.id if node.id else Study.node == node.name,
        )
        studies = (collector, *self._session.scalars(query.order_by(Study.id).limit(_BESIDE)))
        return next((study for study in studies if self.studies.is_of(node, study, facts)), None)

    def _learn(self, person: Person, study: Study, facts: PatientFacts) -> None:
        """Fill in what a film says of its study's patient, so that no film that contradicts it goes there, too."""
        self._patients.fill_in(person, self._session.get_one(Patient, study.apart_id or study.patient_id), facts)

    def _placed(self, person: Person, facts: PatientFacts) -> PatientMatch:
        """Say whose films are, and count those of whom that is not clear."""
        placed = self._patients.match_or_add(person, facts)
        if placed.patient.is_unclear:
            UNCLEAR.inc()
        return placed

    def _arrived(self, node: Person, key: str, instance: ReceivedInstance, *, collects: bool) -> Study:
        placed = self._placed(node, self._patients.rules.stated(instance.patient))
        study = Study(
            key=key,
            clinic_id=node.clinic_id,
            patient_id=placed.patient.id,
            apart_id=placed.merged_from_id,
            author_id=node.id,
            node=None if node.id else node.name,
            study_uid=instance.film.uids.study if collects else None,
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
            return now + ANSWER_TIME
        waiting = (film for film in study.films if not film.by_camera)
        queued = (job.due_at for film in waiting for job in film.jobs if job.state == JobState.QUEUED)
        return max((now, *queued))

    def _keep(self, study: Study, kept: dict[str, Upload], *, wait: bool = False, renames: bool = False) -> None:
        self._session.flush()
        fresh = self._fresh(study, kept)
        now, due = self._clock(), self._due(study, wait=wait)
        for name, upload in fresh:
            asked = max(due, database_time(self._session) + ANSWER_TIME) if upload.by_camera else due
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
