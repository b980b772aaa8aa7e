"""Lets a second model read beside the one in use: what that has answered already, at the lowest priority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from lungwise.films import Photographed, Refusal, open_film
from lungwise.films.film import photographed_from
from lungwise.jobs.reading_queue import NEW
from lungwise.jobs.reading_worker import FilmReader
from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.local_report import thresholds_of
from lungwise.monitoring.models import ShadowModel, ShadowReading
from lungwise.reading.artefact import ModelCard
from lungwise.reading.pattern import COVID
from lungwise.reading.reading import Reading, outcome_of
from lungwise.store import Clock, Database, FilmStore
from lungwise.studies.models import FilmRecord, Job, ReadingRecord, Study

_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """A film that the model in use has answered, and the second one has not."""

    film: int
    study: str
    sha256: str
    photographed: Photographed | None


class ShadowReader:
    """Reads films with a second model, the newest first, and keeps what it says where no doctor sees it.

    Parameters
    ----------
    reader, card
        The second model.
    """

    def __init__(self, database: Database, store: FilmStore, clock: Clock, reader: FilmReader, card: ModelCard) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._reader = reader
        self._shadow = database.transact(lambda session: _known(session, card, clock))

    def count_left(self) -> int:
        """Count the films that it has still to read."""
        with self._database.reading() as session:
            return len(session.scalars(_left(self._shadow).with_only_columns(FilmRecord.id)).all())

    def must_wait(self) -> bool:
        """Return whether a new film waits for the model in use: that one goes first."""
        with self._database.reading() as session:
            return session.scalar(select(Job.id).where(*NEW).limit(1)) is not None

    def read_some(self) -> Iterator[None]:
        """Read the next films until a new one waits for the model in use; yield after each."""
        with self._database.reading() as session:
            rows = session.execute(_left(self._shadow).limit(_AT_ONCE)).all()
        films = [
            _Film(
                film=row.id,
                study=row.study,
                sha256=row.sha256,
                photographed=photographed_from(row.corners) if row.by_camera or row.corners else None,
            )
            for row in rows
        ]
        for film in films:
            if self.must_wait():
                return
            self._keep(film, self._outcome(film))
            yield

    def _outcome(self, film: _Film) -> Reading | Refusal:
        data = self._store.get(film.study, film.sha256)
        return outcome_of(lambda: self._reader.read(open_film(data, film.photographed)))

    def _keep(self, film: _Film, outcome: Reading | Refusal) -> None:
        """Keep what it said, unless the film was deleted meanwhile or another process was quicker."""

        def keep(session: Session) -> None:
            there = session.scalar(select(FilmRecord.id).where(FilmRecord.id == film.film).with_for_update())
            known = exists().where(ShadowReading.film_id == film.film, ShadowReading.shadow_id == self._shadow)
            if there is not None and not session.scalar(select(known)):
                session.add(_record(film.film, self._shadow, outcome, self._clock))

        self._database.transact(keep)


def _known(session: Session, card: ModelCard, clock: Clock) -> int:
    """Return the id of a second model, kept where it was not known."""
    digest = str(card.hashes["onnx"])
    found = session.scalar(select(ShadowModel).where(ShadowModel.sha256 == digest))
    if found is None:
        found = ShadowModel(sha256=digest, name=card.name, version=card.version, created_at=clock())
        both = {finding: thresholds_of(card, finding) for finding in FINDINGS}
        found.thresholds = {finding: [one.lower, one.upper] for finding, one in both.items()}
        session.add(found)
        session.flush()
    return found.id


def _left(shadow: int) -> Select[*tuple[Any, ...]]:
    """The films that the model in use has answered, and this one has not."""
    answered = exists().where(ReadingRecord.film_id == FilmRecord.id)
    read = exists().where(ShadowReading.film_id == FilmRecord.id, ShadowReading.shadow_id == shadow)
    columns: tuple[Any, ...] = (
        FilmRecord.id,
        Study.key.label("study"),
        FilmRecord.sha256,
        FilmRecord.by_camera,
        FilmRecord.corners,
    )
    return select(*columns).join(Study).where(answered, ~read).order_by(FilmRecord.id.desc())


def _record(film: int, shadow: int, outcome: Reading | Refusal, clock: Clock) -> ShadowReading:
    record = ShadowReading(film_id=film, shadow_id=shadow, created_at=clock(), findings={})
    if isinstance(outcome, Refusal):
        record.refusal_code = outcome.code
    else:
        said = {**outcome.findings, COVID: outcome.probability}
        record.findings = {name: float(said.get(name, 0.0)) for name in FINDINGS}
    return record
