"""Recording: films that lie in the store become films of a study, each with the job of reading it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import Rejected
from lungwise.films.dicom.header import DicomHeader, kept_number
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.jobs.queue import Queue
from lungwise.jobs.reading_queue import ANSWER_TIME
from lungwise.metrics import UNCLEAR
from lungwise.patients.service import Patient, PatientFacts, Patients
from lungwise.patients.stated_facts import agreed_facts, facts_of, stated_facts
from lungwise.receiving.duplicates import Duplicates, renamed_uid
from lungwise.receiving.film_orders import FilmOrders
from lungwise.receiving.held_films import HeldFilms
from lungwise.receiving.other_objects import ReceivedObjects
from lungwise.receiving.own_results import is_marked_as_own, result_series_uids
from lungwise.receiving.quota import Quota
from lungwise.receiving.uploads import Limits, Upload, too_many
from lungwise.store import Clock, CollisionError, FilmStore, database_time, new_key
from lungwise.studies.header_index import index_film
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus
from lungwise.studies.service import Studies
from lungwise.studies.stated_patients import stated_in
from lungwise.studies.uids import own_uid
from lungwise.studies.weeks import week_of
from lungwise.time_zones import ZoneOf, day_in

_NOON = time(12)
_VIEW, _DEVICE = 16, 64
"""Characters that are kept of each."""


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
        zone_of: ZoneOf,
    ) -> None:
        self.session = session
        self.clock = clock
        self._store = store
        self._zone_of = zone_of
        self.limits = limits
        self.studies = studies
        self.patients = patients
        self.audit = audit
        self.duplicates = Duplicates(session, store, patients)
        self.objects = ReceivedObjects(session, clock, store, audit)
        self._orders = FilmOrders(session, clock, audit, asks_worklist=limits.asks_worklist)
        self.held = HeldFilms(session, clock, store, audit)
        self._queue = Queue(session, clock, audit)
        self.quota = Quota(session, clock, limits, zone_of)

    def today(self, person: Person) -> date:
        """Return what day it is where a person's clinic stands."""
        return day_in(self._zone_of(person.clinic_id), self.clock())

    def facts(self, person: Person, key: str) -> PatientFacts:
        """Return what is known of a study's patient, to compare films with, whoever sends them."""
        return self.session.get_one(Patient, self.studies.get(person, key).patient_id).facts

    def agreed_facts(self, typed: PatientFacts, uploads: Iterable[Upload]) -> PatientFacts:
        """Put together what was typed and what the films' headers state of the patient.

        Raises
        ------
        Rejected
            If that cannot be one patient.
        """
        return agreed_facts(typed, _headers(uploads), self.patients.rules)

    def record(
        self,
        person: Person,
        key: str,
        typed: PatientFacts,
        stored: dict[str, Upload],
        *,
        asks: bool = False,
        renames: bool = False,
    ) -> Study:
        """Record a new study whose films lie in the store, each with the job of reading it.

        Where it is not clear who the patient is and this `asks` the person, reading waits a while for the answer.
        Where it `renames`, its one film gets a SOP Instance UID in place of its own, which is another film's.
        """
        person.need(Right.UPLOAD)
        study, is_unclear = self.new_study(person, key, self.agreed_facts(typed, stored.values()))
        self.add_to(person, study, stored, wait=asks and is_unclear, renames=renames)
        self.audit.record(person, Action.UPLOADED, Subject.STUDY, study.key)
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
        if not self.studies.is_of(person, study, stated_facts(_headers(uploads), self.patients.rules)):
            raise Rejected("This film's DICOM header names another patient. Create a new study for it.")
        self._missing(study, {upload.sha256: upload for upload in uploads})
        return study

    def record_more(self, person: Person, key: str, stored: dict[str, Upload]) -> Study:
        """Record further films of a study, which lie in the store; one that it has already is not recorded twice.

        Raises
        ------
        CollisionError
            If another upload of the same film was undone meanwhile, and the file with it.
        """
        study = self.admit(person, key, stored.values())
        self.lock(study, stored)
        facts = stated_facts(_headers(stored.values()), self.patients.rules)
        self.fill_in(person, study, facts)
        if person.id is not None and person.id == study.author_id:
            study.stated_json = stated_in(study).filled(facts).as_json()
        self.add_to(person, study, stored)
        self.audit.record(person, Action.UPLOADED, Subject.STUDY, study.key)
        return study

    def note_return(self, person: Person, key: str) -> None:
        """Note that a film whose file was missing lies in the store again, and have it read if that failed.

        Raises
        ------
        CollisionError
            If it was deleted meanwhile.
        """
        film = self.session.scalar(select(FilmRecord).where(FilmRecord.key == key))
        if film is None:
            raise CollisionError(f"Film {key} is deleted.")
        self.lock(film.study, [film.sha256])
        self._queue.retry([job.id for job in film.jobs if job.state == JobState.FAILED])
        self.audit.record(person, Action.RECEIVED, Subject.FILM, key)

    def is_own_result(self, person: Person, upload: Upload) -> bool:
        """Return whether an object is a result of Lungwise: by its marks, or by the series of a film's results."""
        header = upload.header
        if header is None:
            return False
        query = (
            select(FilmRecord.instance_uid, FilmRecord.study_uid, Study.key, ReadingRecord.model, ReadingRecord.version)
            .join_from(FilmRecord, ReadingRecord)
            .join(Study)
            .where(FilmRecord.study_uid == header.study_uid, Study.clinic_id == person.clinic_id)
        )
        if is_marked_as_own(header):
            return True
        readings = self.session.execute(query)
        named = ((film or "", study or "", key, model, version) for film, study, key, model, version in readings)
        return header.series_uid in result_series_uids(named)

    def new_study(
        self, person: Person, key: str, facts: PatientFacts, study_uid: str | None = None
    ) -> tuple[Study, bool]:
        """Add a study without films; return it, and whether it is unclear who the patient is."""
        match = self.patients.match_or_add(person, facts)
        if match.patient.is_unclear:
            UNCLEAR.inc()
        now = self.clock()
        study = Study(
            key=key,
            clinic_id=person.clinic_id,
            patient_id=match.patient.id,
            merged_from_id=match.merged_from_id,
            author_id=person.id,
            node=None if person.id else person.name,
            study_uid=study_uid,
            created_at=now,
            week=week_of(now, self._zone_of(person.clinic_id)),
            unread=True,
            status=StudyStatus.WAITING,
            probability=0.0,
        )
        if person.id is not None:
            study.stated_json = facts.as_json()
        self.session.add(study)
        if self.limits.fetches_priors and facts.identifier and not match.patient.is_unclear:
            PriorFetches(self.session, self.clock).queue(match.merged_from_id or match.patient.id)
        return study, match.patient.is_unclear

    def fill_in(self, person: Person, study: Study, facts: PatientFacts) -> None:
        """Fill in what films state of their study's patient, so that later films are held to it too."""
        patient = self.session.get_one(Patient, study.merged_from_id or study.patient_id)
        self.patients.fill_in(person, patient, facts)

    def lock(self, study: Study, names: Iterable[str]) -> None:
        """Keep a study from being deleted, and its films from being undone, while others are added.

        Raises
        ------
        CollisionError
            If that happened before.
        """
        found = self.session.scalar(select(Study.id).where(Study.id == study.id).with_for_update())
        if found is None or not all(self._store.holds(study.key, name) for name in names):
            raise CollisionError(f"Study {study.key} or a film of it is deleted.")

    def add_to(
        self, person: Person, study: Study, stored: dict[str, Upload], *, wait: bool = False, renames: bool = False
    ) -> None:
        """Add films to a study, each with the job of reading it, without those that it has.

        Raises
        ------
        Rejected
            If they are more than it may have.
        """
        self.session.flush()
        missing = self._missing(study, stored)
        due = self._due(study, wait=wait)
        films = [self._film(person, study, name, upload, due) for name, upload in missing.items()]
        if renames:
            films[0].instance_uid = renamed_uid(study)
        study.films += films
        if films:
            study.status, study.unread = StudyStatus.WAITING, True
        study.taken_at = _taken_at(study, self._zone_of(study.clinic_id))
        self.session.flush()
        for film in films:
            self.duplicates.note(study.clinic_id, film)
        self.session.flush()

    def _film(self, person: Person, study: Study, name: str, upload: Upload, due: datetime) -> FilmRecord:
        now, key, uids = database_time(self.session, self.clock), new_key(), upload.uids
        if upload.by_camera:  # a person is asked where the film lies in the picture
            due = max(due, database_time(self.session) + ANSWER_TIME)
        film = FilmRecord(
            key=key,
            sha256=name,
            kind=upload.kind,
            size=len(upload.data),
            created_at=now,
            study_uid=uids.study or study.study_uid or own_uid("study", study.key),
            series_uid=uids.series or own_uid("series", key),
            instance_uid=uids.instance or own_uid("film", key),
            by_camera=upload.by_camera,
            jobs=[Job(state=JobState.QUEUED, due_at=due, created_at=now)],
        )
        if upload.header:
            _describe(film, upload.header)
            self._orders.number(person, study, film, upload.header)
        index_film(self.session, film, study.clinic_id, upload.data)
        return film

    def _missing(self, study: Study, uploads: dict[str, Upload]) -> dict[str, Upload]:
        """Return the films that a study does not have yet.

        Raises
        ------
        Rejected
            If they are more than it may have.
        """
        present = set(self.session.scalars(select(FilmRecord.sha256).where(FilmRecord.study_id == study.id)))
        missing = {name: upload for name, upload in uploads.items() if name not in present}
        if len(present) + len(missing) > self.limits.films:
            raise too_many(self.limits.films, len(present) + len(missing))
        return missing

    def _due(self, study: Study, *, wait: bool) -> datetime:
        """Return when new films are read: with those of their study that wait for an answer, or at once."""
        now = database_time(self.session)
        if wait:
            return now + ANSWER_TIME
        waiting = (film for film in study.films if not film.by_camera)
        queued = (job.due_at for film in waiting for job in film.jobs if job.state == JobState.QUEUED)
        return max((now, *queued))


def _taken_at(study: Study, zone: tzinfo) -> datetime:
    """Return when a study's first film was taken, or else when it was uploaded, as for a day that lies ahead.

    Of a film's day the hour is not known: noon is still the same day where the clinic's time zone is changed.
    """
    days = [film.taken_on for film in study.films if film.taken_on]
    taken = [datetime.combine(day, _NOON, zone) for day in days]
    return min((one for one in taken if one <= study.created_at), default=study.created_at)


def _headers(uploads: Iterable[Upload]) -> list[DicomHeader]:
    return [upload.header for upload in uploads if upload.header]


def _describe(film: FilmRecord, header: DicomHeader) -> None:
    """Keep what a film's header states: of the patient, and of how the film came about."""
    film.header, film.taken_on = facts_of(header).as_json(), header.taken_on
    film.view = header.view[:_VIEW] or None
    film.device = " ".join(f"{header.manufacturer} {header.model_name}".split())[:_DEVICE] or None
    if number := kept_number(header.accession_number):
        film.accession = number
