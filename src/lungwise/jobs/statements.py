"""What the queue asks of the database for every film, built once: building a statement costs more than its answer."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import aliased, load_only

from lungwise.store import Base
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study

_TO_GIVE_UP = load_only(Job.film_id, Job.state, Job.claim, Job.attempts)
_STUDY = load_only(Study.standing, Study.probability)

_DUE = or_(Job.due_at <= bindparam("now"), Job.due_at > bindparam("latest"))
"""What waits longer than anything is made to was written before a clock was set back: it may be taken, too."""

ANY_DUE = select(Job.id).where(Job.state == bindparam("state"), _DUE).limit(1)
"""`state`, `now`, `latest`: whether a job of this state may be taken."""

_IS_READ = exists().where(
    ReadingRecord.film_id == Job.film_id,
    ReadingRecord.model == bindparam("name"),
    ReadingRecord.version == bindparam("version"),
)
_SHA256 = select(FilmRecord.sha256).where(FilmRecord.id == Job.film_id).scalar_subquery()
_BY_CAMERA = select(FilmRecord.by_camera).where(FilmRecord.id == Job.film_id).scalar_subquery()
_CORNERS = select(FilmRecord.corners).where(FilmRecord.id == Job.film_id).scalar_subquery()
_KEY = select(Study.key).join(FilmRecord, FilmRecord.study_id == Study.id).where(FilmRecord.id == Job.film_id)

NEXT = (
    select(
        Job.id,
        Job.film_id,
        Job.attempts,
        Job.request_id,
        _KEY.scalar_subquery().label("study"),
        _SHA256.label("sha256"),
        _BY_CAMERA.label("by_camera"),
        _CORNERS.label("corners"),
        _IS_READ.label("is_read"),
    )
    .where(Job.state == bindparam("state"), Job.model == bindparam("wanted"), _DUE)
    .order_by(Job.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
"""`state`, `wanted`, `now`, `latest`, `name`, `version`, `most`: the oldest jobs that may be taken, with film, attempts
and request, the study's key, the film's hash, how it was photographed, and whether the model has read it. It runs along
its index and stops at the last row, so that others' locks are skipped, not met; what is looked up beside it is not
locked."""

_jobs = Base.metadata.tables[Job.__tablename__]

TAKE = (
    update(_jobs)
    .where(_jobs.c.id.in_(bindparam("jobs", expanding=True)))
    .values(state=JobState.RUNNING, claim=bindparam("token"), due_at=bindparam("until"), attempts=_jobs.c.attempts + 1)
)
"""`jobs`, `token`, `until`: they are somebody's."""

END = (
    update(_jobs)
    .where(_jobs.c.id.in_(bindparam("jobs", expanding=True)))
    .values(state=bindparam("end"), error=bindparam("why"), finished_at=bindparam("now"))
)
"""`jobs`, `end`, `why`, `now`: nothing more comes of them."""

LOCKED_JOB = (
    select(Job)
    .where(Job.id == bindparam("job"))
    .options(_TO_GIVE_UP)
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""`job`: as it is now, and for nobody else to change."""

LOCKED_STUDY = (
    select(Study)
    .where(Study.id == select(FilmRecord.study_id).where(FilmRecord.id == bindparam("film")).scalar_subquery())
    .options(_STUDY)
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""`film`: its study, as it is now, and for nobody else to change."""

LOCKED_JOB_AND_STUDY = (
    select(
        Job.film_id,
        Job.model,
        Job.state,
        Study,
        _IS_READ.label("is_read"),
        FilmRecord.by_camera,
        FilmRecord.corners,
    )
    .join(FilmRecord, FilmRecord.id == Job.film_id)
    .join(Study, Study.id == FilmRecord.study_id)
    .where(Job.id == bindparam("job"))
    .options(_STUDY)
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""`job`, `name`, `version`: both, as they are now, and for nobody else to change; and whether the model has read the
film. Should another job of that film be finished in the same moment, the unique key of readings decides."""

_any = aliased(ReadingRecord)
_newest = select(func.max(_any.id)).where(_any.film_id == FilmRecord.id).scalar_subquery()

FILMS = (
    select(FilmRecord.study_id, Job.state, ReadingRecord.verdict, ReadingRecord.probability)
    .select_from(FilmRecord)
    .outerjoin(Job, and_(Job.film_id == FilmRecord.id, Job.model == ""))
    .outerjoin(ReadingRecord, and_(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.id == _newest))
    .where(FilmRecord.study_id.in_(bindparam("studies", expanding=True)))
)
"""`studies`: of each of their films the study, the state of its first job, and what the newest reading says."""
