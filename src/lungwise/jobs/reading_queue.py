"""The queue of films to read: one film waits, is claimed for a while, and gets its reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, load_only

from lungwise.clinics.destinations import DestinationsOf, nowhere
from lungwise.clinics.service import Clinic
from lungwise.clinics.thresholds import ThresholdSet
from lungwise.films import Photographed, Refusal
from lungwise.films.film import photographed_from
from lungwise.jobs.deliveries import Dispatches, ReportDispatches
from lungwise.reading.local_thresholds import LocalThresholds
from lungwise.reading.pattern import COVID
from lungwise.reading.reading import Reading
from lungwise.store import Base, Clock, database_time, utc_now
from lungwise.store.lease_queue import Lease, LeaseQueue, LeaseStatements
from lungwise.studies.answered_orders import AnsweredOrders
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.extent_changes import compared_with
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus
from lungwise.studies.named_findings import stored_names
from lungwise.studies.report_changes import ReportChanges
from lungwise.studies.stored_answers import STORED_READING, answer_of
from lungwise.studies.urgency import urgency_of

ATTEMPTS = 4
ANSWER_TIME = timedelta(minutes=10)
"""How long reading waits for a person who is asked whose films they are; then they are read all the same."""
_UNFINISHED = (JobState.RUNNING, JobState.QUEUED)
NEW = (Job.state.in_(_UNFINISHED), Job.model == "")
"""Films without their first reading."""
_DIED = "the process that read it died each time"

AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model reads films; some jobs are for one model alone."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Lease):
    """One claimed job: which film to fetch and read, with which model, and by which thresholds of its clinic's own."""

    study: str
    sha256: str
    model: Model
    request_id: str = ""
    photographed: Photographed | None = None
    thresholds: LocalThresholds | None = None


def _of_film(column: InstrumentedAttribute[Any], label: str) -> ColumnElement[Any]:
    """Look a column of a job's film or study up beside the job, so that it is not locked with it."""
    of_job = (FilmRecord.id == Job.film_id, Study.id == FilmRecord.study_id)
    return select(column).where(*of_job).scalar_subquery().label(label)


def _clinics_thresholds() -> ColumnElement[Any]:
    """Look up which thresholds are in force at the clinic of a job's film."""
    of_job = (FilmRecord.id == Job.film_id, Study.id == FilmRecord.study_id, Clinic.id == Study.clinic_id)
    return select(Clinic.thresholds).where(*of_job).scalar_subquery().label("thresholds")


_IS_READ = exists().where(
    ReadingRecord.film_id == Job.film_id,
    ReadingRecord.model == bindparam("name"),
    ReadingRecord.version == bindparam("version"),
)
_OPEN_JOBS = (
    select(Job.id, Job.film_id, Job.model, FilmRecord.by_camera, FilmRecord.corners, _IS_READ.label("is_read"))
    .join(FilmRecord)
    .where(Job.id.in_(bindparam("jobs", expanding=True)), Job.state != JobState.DONE)
    .with_for_update()
)
_LOCKED_STUDIES = (
    select(Study)
    .where(Study.key.in_(bindparam("studies", expanding=True)))
    .order_by(Study.id)
    .options(
        load_only(
            *(Study.key, Study.status, Study.probability, Study.pattern, Study.urgency, Study.clinical_encrypted),
            *(Study.named_findings, Study.report_version),
        )
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)
_any = aliased(ReadingRecord)
_newest = select(func.max(_any.id)).where(_any.film_id == FilmRecord.id).scalar_subquery()
_FILMS = (
    select(FilmRecord.study_id, Job.state, *STORED_READING)
    .select_from(FilmRecord)
    .outerjoin(Job, and_(Job.film_id == FilmRecord.id, Job.model == ""))
    .outerjoin(ReadingRecord, and_(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.id == _newest))
    .where(FilmRecord.study_id.in_(bindparam("studies", expanding=True)))
)
_jobs = Base.metadata.tables[Job.__tablename__]
_END = (
    update(_jobs)
    .where(_jobs.c.id.in_(bindparam("jobs", expanding=True)))
    .values(state=bindparam("end"), error=bindparam("why"), finished_at=bindparam("at"))
)


class Jobs(LeaseQueue[Job]):
    """The queue of films to read.

    Its leases end by the database's clock. They only save work: that a film gets one reading rests on `finish`, which
    locks the study, and on the unique key of readings.
    """

    statements = LeaseStatements(
        Job,
        Job.request_id,
        _of_film(Study.key, "study"),
        _of_film(FilmRecord.sha256, "sha256"),
        _of_film(FilmRecord.by_camera, "by_camera"),
        _of_film(FilmRecord.corners, "corners"),
        _clinics_thresholds(),
        _IS_READ.label("is_read"),
        where=[Job.model == bindparam("wanted")],
        order_by=[Job.id],
    )
    max_attempts = ATTEMPTS
    first_pause, longest_pause, factor = timedelta(seconds=5), timedelta(seconds=125), 5
    longest_wait = ANSWER_TIME

    def __init__(
        self,
        session: Session,
        clock: Clock,
        lease: float,
        send_to: DestinationsOf = nowhere,
        report_to: DestinationsOf = nowhere,
    ) -> None:
        super().__init__(session, utc_now, timedelta(seconds=lease))
        self._clock = clock
        self._send_to = send_to
        self._report_to = report_to

    def claim(self, model: Model, limit: int = 1) -> list[Claim]:
        """Claim the next jobs for a model: new films first, the oldest first.

        A film that was tried before is taken alone: should it end its reader's process, it ends no other's attempt.
        """
        now = self._now()
        while rows := self._next(model, now, limit):
            first = rows[0]
            if not first.is_read and first.attempts < ATTEMPTS:
                untried = list(takewhile(lambda row: not row.attempts and not row.is_read, rows))
                return self._claimed(untried or rows[:1], model, now)
            if first.is_read:
                self._end([first.id], self._lock([first.study]), JobState.DONE)
            else:
                self._give_up(self._session.get_one(Job, first.id), first.study, _DIED)
        return []

    def finish(self, outcomes: Mapping[Claim, Reading | Refusal]) -> None:
        """Keep the readings and refusals of one model, and sum the studies up.

        The first worker to finish a job has finished it, even one whose lease has ended. A film that was deleted
        meanwhile, or cut otherwise, is left.
        """
        studies = self._lock(claim.study for claim in outcomes)
        rows = self._open_jobs(list(outcomes))
        reread = {claim.study for claim, row in rows.items() if row.model}
        again = [study for study in studies if study.key in reread]
        before = _answers(self._session, again)
        now = database_time(self._session, self._clock)
        unread = [(claim, row) for claim, row in rows.items() if not row.is_read]
        records = [_record(outcomes[claim], claim.model, row.film_id, now) for claim, row in unread]
        self._session.add_all(records)
        new = {row.film_id: claim.study for claim, row in unread if not row.model}
        self._end([row.id for row in rows.values()], studies, JobState.DONE)
        self._send([study for study in studies if study.key in new.values()])
        self._note_changes(compared_with(self._session, list(new)) if new else [])
        after = _answers(self._session, again)
        changed = [study for study in again if after[study.id].says != before[study.id].says]
        for study in changed:
            study.unread = True
        self._note_changes(study for study in changed if study.status != StudyStatus.WAITING)

    def fail(self, lease: Lease, error: str) -> Job | None:
        """Queue a job again for later, or mark it as failed after its last attempt, and return it."""
        job = super().fail(lease, error)
        if job is not None and job.state == JobState.FAILED:
            self._give_up(job, job.film.study.key, error)
        return job

    def unfinished(self, study_id: int) -> bool:
        """Return whether new films of a study wait for their reading."""
        query = select(Job.id).join(FilmRecord).where(FilmRecord.study_id == study_id, *NEW)
        return self._session.scalar(query.limit(1)) is not None

    def _next(self, model: Model, now: datetime, limit: int) -> Sequence[AnyRow]:
        values = {"name": model.name, "version": model.version, "limit": limit}
        return self._due(now, wanted="", **values) or self._due(now, wanted=str(model), **values)

    def _claimed(self, rows: Sequence[AnyRow], model: Model, now: datetime) -> list[Claim]:
        token = self._take([row.id for row in rows], now)
        thresholds = self._thresholds({row.thresholds for row in rows})
        return [
            Claim(
                job=row.id,
                token=token,
                study=row.study,
                sha256=row.sha256,
                model=model,
                request_id=row.request_id,
                photographed=_photographed(row),
                thresholds=thresholds.get(row.thresholds),
            )
            for row in rows
        ]

    def _thresholds(self, keys: set[str | None]) -> dict[str | None, LocalThresholds]:
        """Return the sets with these keys; most clinics have none, and nothing is asked."""
        if not (given := keys - {None}):
            return {}
        found = self._session.scalars(select(ThresholdSet).where(ThresholdSet.key.in_(given)))
        return {one.key: one.local for one in found}

    def _lock(self, studies: Iterable[str]) -> Sequence[Study]:
        """Let the readings of a study be written and summed up one after the other."""
        return self._session.scalars(_LOCKED_STUDIES, {"studies": sorted(set(studies))}).all()

    def _open_jobs(self, claims: Collection[Claim]) -> dict[Claim, AnyRow]:
        """Lock the jobs that nobody has finished yet, of films that are still cut as they were."""
        if not claims:
            return {}
        model = next(iter(claims)).model
        values = {"jobs": [claim.job for claim in claims], "name": model.name, "version": model.version}
        found = {row.id: row for row in self._session.execute(_OPEN_JOBS, values)}
        rows = {claim: found[claim.job] for claim in claims if claim.job in found}
        return {claim: row for claim, row in rows.items() if _photographed(row) == claim.photographed}

    def _send(self, studies: Collection[Study]) -> None:
        """Queue the results of studies with new films to be sent."""
        archives = Dispatches(self._session, self._clock, of_clinic=self._send_to)
        systems = ReportDispatches(self._session, self._clock, of_clinic=self._report_to)
        for study in studies:
            study.report_version += 1
        self._session.flush()
        for study in studies:
            if self._send_to(study.clinic_id):
                archives.queue(study.id)
            if self._report_to(study.clinic_id):
                systems.queue(study.id)

    def _note_changes(self, studies: Iterable[Study]) -> None:
        """Make other versions of the reports of these studies: they say something else now."""
        changes = ReportChanges(self._session, self._clock, self._report_to)
        for study in studies:
            changes.of_study(study)

    def _give_up(self, job: Job, study: str, error: str) -> None:
        """Mark a job as failed; who has a report of the study gets one that says that a film could not be read.

        Where it failed before, and was tried again in vain, they have that.
        """
        studies, is_first = self._lock([study]), job.finished_at is None
        self._end([job.id], studies, JobState.FAILED, error)
        if is_first and not job.model:
            self._note_changes(one for one in studies if one.report_version and one.status != StudyStatus.WAITING)

    def _end(self, jobs: Collection[int], studies: Collection[Study], state: JobState, error: str = "") -> None:
        if jobs:
            self._session.execute(_END, {"jobs": jobs, "end": state, "why": error[:200], "at": self._clock()})
        sum_up(self._session, studies)


def sum_up(session: Session, studies: Collection[Study]) -> None:
    """Bring the status of studies up to date with their films; a verdict that changes is unread again."""
    films = _films(session, studies)
    for study in studies:
        before = study.status
        _sum_up(study, films[study.id])
        if before not in (StudyStatus.WAITING, study.status):
            study.unread = True
    read = [study.key for study in studies if study.status not in (StudyStatus.WAITING, StudyStatus.REFUSED)]
    orders = AnsweredOrders(session)
    if read:
        orders.finish(read)
    orders.pass_on(study for study in studies if study.status == StudyStatus.REFUSED)


def _films(session: Session, studies: Collection[Study]) -> dict[int, list[AnyRow]]:
    """Find the films of studies, by the study's id, each with its newest reading."""
    films: dict[int, list[AnyRow]] = {study.id: [] for study in studies}
    for row in session.execute(_FILMS, {"studies": list(films)}) if films else ():
        films[row.study_id].append(row)
    return films


def _answers(session: Session, studies: Collection[Study]) -> dict[int, StudyAnswer]:
    return {key: _answer(films) for key, films in _films(session, studies).items()}


def _answer(films: Iterable[AnyRow]) -> StudyAnswer:
    return StudyAnswer(films=tuple(map(answer_of, films)))


def _photographed(row: AnyRow) -> Photographed | None:
    return photographed_from(row.corners) if row.by_camera or row.corners else None


def _sum_up(study: Study, films: list[AnyRow]) -> None:
    """Keep a study's verdict, the probability of the film that has it, its pattern, named findings and urgency."""
    answer = _answer(films)
    if any(film.state in _UNFINISHED for film in films):
        study.status = StudyStatus.WAITING
    elif not answer.read:
        study.status, study.probability, study.pattern, study.named_findings = StudyStatus.REFUSED, 0.0, "", ""
    else:
        study.status, study.probability = StudyStatus(str(answer.verdict)), answer.covid.probability
        study.pattern, study.named_findings = answer.pattern, stored_names(answer.named)
    study.urgency = urgency_of(study, is_whole=not answer.missing)


def _record(outcome: Reading | Refusal, model: Model, film: int, now: datetime) -> ReadingRecord:
    record = ReadingRecord(film_id=film, model=model.name, version=model.version, created_at=now)
    if isinstance(outcome, Refusal):
        record.refusal_code, record.refusal_values = outcome.code, dict(outcome.values)
        record.appearance, record.findings = {}, {}
        return record
    record.probability, record.verdict = float(outcome.probability), outcome.verdict.value
    record.appearance = {name: float(value) for name, value in outcome.appearance.items()}
    record.findings = {name: float(value) for name, value in outcome.findings.items()}
    record.normal_called, record.pattern = bool(outcome.normal.called), outcome.pattern
    record.raised = list(outcome.raised)
    record.extent, record.view = outcome.extent, outcome.view
    if outcome.thresholds and outcome.model_findings:
        record.thresholds = outcome.thresholds.as_stored()
        record.model_findings = {name: float(value) for name, value in outcome.model_findings.items()}
        record.model_probability = record.model_findings[COVID]
    record.heat = np.round(np.clip(outcome.heat_map, 0, 1) * 255).astype(np.uint8).tobytes()
    record.quarter_turns = outcome.quarter_turns
    record.warnings = list(outcome.warnings)
    if outcome.picture:
        record.gate, record.grey = outcome.picture.gate, outcome.picture.grey
        record.contrast = outcome.picture.contrast
    return record
