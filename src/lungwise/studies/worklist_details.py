"""What a page of the worklist shows beside what it is sorted and filtered by, fetched for all of its lines at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.studies.models import FilmRecord, ReferenceResult
from lungwise.studies.worklist import WorklistRow

NamesOf = Callable[[Person, set[int]], dict[int, str]]
"""Names the accounts with these ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDetails:
    """What one line shows beside the study.

    Parameters
    ----------
    film
        Key of the study's first film; empty where it has none.
    films
        How many films it has.
    sender
        Who uploaded it, or which node took it.
    results
        The newest result of each test.
    """

    film: str
    films: int
    sender: str
    results: dict[str, str]


class WorklistDetails:
    """Looks up what the lines of a page show."""

    def __init__(self, session: Session, names_of: NamesOf) -> None:
        self._session = session
        self._names_of = names_of

    def of(self, person: Person, rows: Sequence[WorklistRow]) -> dict[int, LineDetails]:
        """Return the details of a page's lines by their study's id."""
        person.need(Right.SEE)
        ids = [row.study.id for row in rows]
        if not ids:
            return {}
        films, results = self._films(ids), self._results(ids)
        names = self._names_of(person, {row.study.author_id for row in rows if row.study.author_id})
        return {
            row.study.id: LineDetails(
                film=films.get(row.study.id, ("", 0))[0],
                films=films.get(row.study.id, ("", 0))[1],
                sender=row.study.node or names.get(row.study.author_id or 0, ""),
                results=results.get(row.study.id, {}),
            )
            for row in rows
        }

    def _films(self, studies: list[int]) -> dict[int, tuple[str, int]]:
        counted = (
            select(func.min(FilmRecord.id).label("first"), func.count().label("films"))
            .where(FilmRecord.study_id.in_(studies))
            .group_by(FilmRecord.study_id)
            .subquery()
        )
        query = select(FilmRecord.study_id, FilmRecord.key, counted.c.films).join(
            counted, counted.c.first == FilmRecord.id
        )
        return {study: (key, count) for study, key, count in self._session.execute(query)}

    def _results(self, studies: list[int]) -> dict[int, dict[str, str]]:
        columns = (ReferenceResult.study_id, ReferenceResult.kind, ReferenceResult.result)
        query = select(*columns).where(ReferenceResult.study_id.in_(studies))
        found: dict[int, dict[str, str]] = {}
        for study, kind, result in self._session.execute(query.order_by(ReferenceResult.tested_on, ReferenceResult.id)):
            found.setdefault(study, {})[kind] = result
        return found
