"""Whether what doctors said of a study is of its present answer: pages, reports and everything sent ask here."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from lungwise.films.refusals import N_, Words
from lungwise.studies.models import FilmRecord, Job, Opinion, ReadingRecord, Study, StudyStatus

_WRITTEN_BEFORE: Final = (
    N_("Written before film %(films)s was added or read"),
    N_("Written before films %(films)s were added or read"),
)


def newest_conclusion(study: Study) -> Opinion | None:
    """Return the newest opinion that concludes something: the study's conclusion is that one's."""
    return next((opinion for opinion in reversed(study.opinions) if opinion.conclusion), None)


def other_diagnosis(study: Study) -> str:
    """Return the doctor's own words where a study's conclusion is another diagnosis; empty where it is none."""
    concluded = newest_conclusion(study)
    return (concluded.other or "") if concluded else ""


def stated_conclusion(study: Study) -> str:
    """Return a study's conclusion, another diagnosis with the doctor's own words; empty where there is none."""
    return ": ".join(filter(None, (study.conclusion, other_diagnosis(study))))


def is_concluded(study: Study) -> bool:
    """Return whether the newest conclusion covers the study's present answer: all films, as they were last read."""
    opinion = newest_conclusion(study)
    is_read = study.status != StudyStatus.WAITING
    return opinion is not None and is_read and all(covers(opinion, film) for film in study.films)


def is_outdated(study: Study, opinion: Opinion) -> bool:
    """Return whether a film of a study was added, cut otherwise or read since somebody gave an opinion."""
    return not all(_is_unchanged(film, opinion) for film in study.films)


def covers(opinion: Opinion, film: FilmRecord) -> bool:
    """Return whether an opinion is of a film as it is now, and as it was read or refused.

    Of a film that a fault keeps from being read there is no answer yet that anybody could have verified.
    """
    return film.reading is not None and _is_unchanged(film, opinion)


def _is_unchanged(film: FilmRecord, opinion: Opinion) -> bool:
    newest = max((film.created_at, *(reading.created_at for reading in film.readings), *_queued_at(film)))
    return newest <= opinion.created_at


def _queued_at(film: FilmRecord) -> Iterator[datetime]:
    """Yield when a film was queued to be read as it is cut now: where it has a reading, that is newer."""
    if film.reading is None:
        yield from (job.created_at for job in film.jobs if not job.model)


def written_before(words: Words, study: Study, opinion: Opinion) -> str:
    """Name the films that an outdated opinion does not know, or not as they were last read; nothing of another."""
    numbers = [str(number) for number, film in enumerate(study.films, start=1) if not _is_unchanged(film, opinion)]
    one, several = _WRITTEN_BEFORE
    return words(several if len(numbers) > 1 else one) % {"films": ", ".join(numbers)} if numbers else ""


def was_read_before(film: FilmRecord, opinion: Opinion) -> bool:
    """Return whether a film was read before somebody gave an opinion, however often it was read since."""
    return any(reading.created_at <= opinion.created_at for reading in film.readings)


def outdated_conclusions(session: Session, studies: Collection[int]) -> set[int]:
    """Return which studies, by their ids, have a newest conclusion that is outdated; their films are not loaded."""
    later = aliased(Opinion)
    newest = select(func.max(later.id)).where(later.study_id == Opinion.study_id, later.conclusion.is_not(None))
    read = exists().where(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.created_at > Opinion.created_at)
    queued = exists().where(Job.film_id == FilmRecord.id, Job.model == "", Job.created_at > Opinion.created_at)
    query = (
        select(Opinion.study_id)
        .join(FilmRecord, FilmRecord.study_id == Opinion.study_id)
        .where(Opinion.study_id.in_(studies), Opinion.id == newest.scalar_subquery())
        .where(or_(FilmRecord.created_at > Opinion.created_at, read, queued))
    )
    return set(session.scalars(query.distinct())) if studies else set()
