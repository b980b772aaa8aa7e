"""What the queue asks of the database for every film, built once: building a statement costs more than its answer."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased, load_only

from lungwise.studies.models import FilmRecord, Job, ReadingRecord, Study

_TO_CLAIM = load_only(Job.film_id, Job.attempts, Job.request_id)
_TO_FINISH = load_only(Job.film_id, Job.model, Job.state)
_TO_GIVE_UP = load_only(Job.film_id, Job.state, Job.claim, Job.attempts)
_STUDY = load_only(Study.standing, Study.probability)

_DUE = or_(Job.due_at <= bindparam("now"), Job.due_at > bindparam("latest"))
"""What waits longer than anything is made to was written before a clock was set back: it may be taken, too."""

ANY_DUE = select(Job.id).where(Job.state == bindparam("state"), _DUE).limit(1)
"""`state`, `now`, `latest`: whether a job of this state may be taken."""

NEXT = (
    select(Job)
    .where(Job.state == bindparam("state"), Job.model == bindparam("model"), _DUE)
    .options(_TO_CLAIM)
    .order_by(Job.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
"""`state`, `model`, `now`, `latest`: the oldest job that may be taken. It runs along its index and stops at the first
row, so that others' locks are skipped, not met."""

_IS_READ = exists().where(
    ReadingRecord.film_id == FilmRecord.id,
    ReadingRecord.model == bindparam("name"),
    ReadingRecord.version == bindparam("version"),
)

FILM = (
    select(Study.key, FilmRecord.sha256, _IS_READ)
    .join(FilmRecord, FilmRecord.study_id == Study.id)
    .where(FilmRecord.id == bindparam("film"))
)
"""`film`, `name`, `version`: key of the study, hash of the film, and whether the model has read it."""

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
    select(Job, Study, _IS_READ)
    .join(FilmRecord, FilmRecord.id == Job.film_id)
    .join(Study, Study.id == FilmRecord.study_id)
    .where(Job.id == bindparam("job"))
    .options(_TO_FINISH, _STUDY)
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""`job`, `name`, `version`: both, as they are now, and for nobody else to change; and whether the model has read the
film. Should another job of that film be finished in the same moment, the unique key of readings decides."""

_any = aliased(ReadingRecord)
_newest = select(func.max(_any.id)).where(_any.film_id == FilmRecord.id).scalar_subquery()

FILMS = (
    select(Job.state, ReadingRecord.verdict, ReadingRecord.probability)
    .select_from(FilmRecord)
    .outerjoin(Job, and_(Job.film_id == FilmRecord.id, Job.model == ""))
    .outerjoin(ReadingRecord, and_(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.id == _newest))
    .where(FilmRecord.study_id == bindparam("study"))
)
"""`study`: of each of its films the state of its first job, and what the newest reading says."""
