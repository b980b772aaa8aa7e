"""The watch over a clinic's errors: what its charts say, the alarms that they raise, and who has seen them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.answer_changes import Jump
from lungwise.monitoring.error_charts import ErrorChart, charts_of
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.models import ANSWERS, DONE, Alarm
from lungwise.reading.artefact import Thresholds
from lungwise.reading.pattern import COVID
from lungwise.store import Clock, database_time, new_key
from lungwise.store.lease_queue import QUEUED

SHOWN = 20
"""Alarms that were acknowledged, the newest, that a page lists."""
ThresholdsOf = Callable[[int, str], Thresholds]


class Alarms:
    """The alarms of clinics.

    Parameters
    ----------
    films
        Finds the clinic's verified films.
    thresholds
        Gives those in force in a clinic for a finding, of the probability that the model gives.
    calls_webhook
        Whether there is a webhook to be called about a new alarm.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        audit: AuditTrail,
        films: ClinicFilms,
        thresholds: ThresholdsOf,
        *,
        calls_webhook: bool,
    ) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._films = films
        self._thresholds = thresholds
        self._calls_webhook = calls_webhook

    def charts(self, person: Person) -> tuple[Model | None, list[ErrorChart]]:
        """Draw the clinic's charts for the model that reads its films now; none until it has read one."""
        person.need(Right.ADMINISTER)
        model = self._films.model_in_use(person)
        if model is None:
            return None, []
        films, today = self._films.of_each(person, model), self._films.day_of(person, self._clock())
        thresholds = {finding: self._thresholds(person.clinic_id, finding) for finding in films}
        seen = self._last(person, model, Alarm.acknowledged_at.is_not(None))  # an open alarm's course is still drawn
        return model, charts_of(films, thresholds.__getitem__, seen, today.toordinal())

    def raise_new(self, person: Person, model: Model, charts: Sequence[ErrorChart]) -> list[Alarm]:
        """Raise the alarms of charts; none of a chart whose last alarm nobody has acknowledged."""
        person.need(Right.ADMINISTER)
        still_open = {(one.finding, one.sort) for one in self.open(person) if _is_of(one, model)}
        last = self._last(person, model)
        new = [
            self._alarm(person, model, chart.finding, chart.errors, asdict(crossing))
            for chart in charts
            if (crossing := chart.crossing) is not None
            and (chart.finding, chart.errors) not in still_open
            and crossing.result > last.get((chart.finding, chart.errors), 0)
        ]
        self._session.add_all(new)
        self._session.flush()
        return new

    def raise_jump(self, person: Person, jump: Jump) -> list[Alarm]:
        """Raise the alarm about answers that jumped; none while one is open, or where they are compared with weeks
        before the last jump, which is then the same.
        """
        person.need(Right.ADMINISTER)
        last = self._last(person, jump.model).get((COVID, ANSWERS), 0)
        waiting = any(one.sort == ANSWERS and _is_of(one, jump.model) for one in self.open(person))
        if waiting or jump.compared_from.toordinal() < last:
            return []
        alarm = self._alarm(person, jump.model, COVID, ANSWERS, _figures_of_jump(jump))
        self._session.add(alarm)
        self._session.flush()
        return [alarm]

    def open(self, person: Person) -> list[Alarm]:
        """List the alarms that nobody has acknowledged, the newest first."""
        person.need(Right.ADMINISTER)
        query = select(Alarm).where(Alarm.clinic_id == person.clinic_id, Alarm.acknowledged_at.is_(None))
        return list(self._session.scalars(query.order_by(Alarm.id.desc())))

    def past(self, person: Person) -> list[Alarm]:
        """List the last alarms that were acknowledged, the newest first."""
        person.need(Right.ADMINISTER)
        query = select(Alarm).where(Alarm.clinic_id == person.clinic_id, Alarm.acknowledged_at.is_not(None))
        return list(self._session.scalars(query.order_by(Alarm.id.desc()).limit(SHOWN)))

    def acknowledge(self, person: Person, key: str) -> Alarm:
        """Keep that an administrator has seen an alarm, and return it; the next one may be raised then."""
        person.need(Right.ADMINISTER)
        query = select(Alarm).where(Alarm.key == key, Alarm.clinic_id == person.clinic_id)
        alarm = self._session.scalar(query.with_for_update())
        if alarm is None:
            raise NotFound
        if alarm.acknowledged_at is None:
            alarm.acknowledged_at, alarm.acknowledged_by = self._clock(), person.name
            self._audit.record(person, Action.ACKNOWLEDGED, Subject.ALARM, alarm.key)
        return alarm

    def _last(self, person: Person, model: Model, *which: ColumnElement[bool]) -> dict[tuple[str, str], int]:
        query = select(Alarm.finding, Alarm.sort, func.max(Alarm.result)).group_by(Alarm.finding, Alarm.sort)
        query = query.where(Alarm.clinic_id == person.clinic_id, *which)
        query = query.where(Alarm.model == model.name, Alarm.version == model.version)
        return {(finding, sort): result for finding, sort, result in self._session.execute(query)}

    def _alarm(self, person: Person, model: Model, finding: str, sort: str, figures: dict[str, Any]) -> Alarm:
        now = self._clock()
        return Alarm(
            key=new_key(),
            clinic_id=person.clinic_id,
            model=model.name,
            version=model.version,
            finding=finding,
            sort=sort,
            **figures,
            state=QUEUED if self._calls_webhook else DONE,
            created_at=now,
            due_at=database_time(self._session, self._clock),
        )


def count_open(session: Session) -> dict[tuple[str, str], int]:
    """Count the open alarms of every clinic by finding and sort, for the metrics."""
    query = select(Alarm.finding, Alarm.sort, func.count()).where(Alarm.acknowledged_at.is_(None))
    rows = session.execute(query.group_by(Alarm.finding, Alarm.sort))
    return {(finding, sort): count for finding, sort, count in rows}


def _figures_of_jump(jump: Jump) -> dict[str, Any]:
    figures = {"result": jump.since.toordinal(), "films": jump.films, "wrong": 0, "expected": jump.limit}
    return figures | {"distance": jump.distance, "cause": jump.cause.value}


def _is_of(alarm: Alarm, model: Model) -> bool:
    return (alarm.model, alarm.version) == (model.name, model.version)
