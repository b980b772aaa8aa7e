"""How long a clinic keeps studies: which are older, what keeps them back, and their removal once somebody agreed.

Nothing is removed by itself. An administrator looks at what is due, and agrees to exactly that. Never removed is what
an archive does not have yet, what no backup holds, and what is not read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.clinics.clinic_settings import ClinicSettings, RetentionMode
from lungwise.errors import Rejected
from lungwise.orders.progress import OrderProgress
from lungwise.patients.service import Patients
from lungwise.store import Clock
from lungwise.store.backup import last_backup
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import FilmRecord, ReadingRecord, Study, StudyStatus
from lungwise.studies.object_models import OtherObject
from lungwise.studies.order_changes import OrderChanges
from lungwise.studies.priors import Priors
from lungwise.studies.service import Studies

AT_ONCE = 100
"""Studies that are removed in one transaction."""
_UNSENT = (DispatchState.QUEUED, DispatchState.SENDING, DispatchState.FAILED)
Keep = Callable[[Person, str], None]
"""Keeps a study, by its key, where old ones are archived."""


class KeptBack(StrEnum):
    """Why an old study stays."""

    UNSENT = "unsent"
    NO_BACKUP = "no backup"
    NOT_READ = "not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldStudy:
    """A study that is due."""

    key: str
    since: datetime
    films: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldStudies:
    """What a clinic keeps no longer, the oldest first, and how many studies stay although they are old, by reason."""

    mode: RetentionMode
    before: datetime
    backup_at: datetime | None
    due: tuple[OldStudy, ...]
    kept_back: dict[KeptBack, int]

    @property
    def agreement(self) -> str:
        """Name exactly these studies, and what shall be done with them: who agrees, agrees to this."""
        return hashlib.sha256("\n".join((self.mode, *(one.key for one in self.due))).encode()).hexdigest()[:20]


class Retention:
    """Finds and removes the studies that a clinic keeps no longer.

    Parameters
    ----------
    settings_of
        Returns how a clinic is set.
    keep
        Archives a study before it is removed; None where there is no place for it.
    priors
        The patients' earlier films, which go with what came as early as they.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        studies: Studies,
        patients: Patients,
        audit: AuditTrail,
        settings_of: Callable[[int], ClinicSettings],
        keep: Keep | None,
        priors: Priors,
    ) -> None:
        self._session = session
        self._clock = clock
        self._studies = studies
        self._patients = patients
        self._audit = audit
        self._settings_of = settings_of
        self._keep = keep
        self._priors = priors

    def preview(self, person: Person) -> OldStudies | None:
        """Return what a clinic keeps no longer; None where it keeps everything."""
        person.need(Right.DELETE)
        person.need(Right.ADMINISTER)
        chosen = self._settings_of(person.clinic_id)
        if chosen.retention is None or chosen.retention_days is None:
            return None
        today = self._clock().astimezone(chosen.zone).date()
        before = datetime.combine(today - timedelta(days=chosen.retention_days), time.min, chosen.zone)
        backup_at = last_backup(self._session, self._clock())
        found = list(self._old(person.clinic_id, before, backup_at))
        return OldStudies(
            mode=chosen.retention,
            before=before,
            backup_at=backup_at,
            due=tuple(one for one, why in found if why is None),
            kept_back=dict(Counter(why for _one, why in found if why is not None)),
        )

    def remove(self, person: Person, agreement: str) -> int:
        """Remove the first of the studies that somebody agreed to, and return how many they were.

        Raises
        ------
        Rejected
            If these are not the studies that are due now, or nothing can be archived.
        """
        old = self.preview(person)
        if old is None or old.agreement != agreement:
            raise Rejected("What is due has changed since you looked. Look at it again.")
        return self.remove_some(person, [one.key for one in old.due[:AT_ONCE]])

    def remove_some(self, person: Person, keys: Collection[str]) -> int:
        """Remove those of some studies that are due still, each archived first where the clinic wants that."""
        old = self.preview(person)
        due = {one.key for one in old.due} & set(keys) if old else set()
        if old is None or not due:
            return 0
        if old.mode is RetentionMode.ARCHIVE and self._keep is None:
            raise Rejected("There is no folder for archived studies. Set archive_folder.")
        for key in sorted(due):
            self._remove(person, key, old.before, archives=old.mode is RetentionMode.ARCHIVE)
        self._audit.record(person, Action.REMOVED_BY_AGE, Subject.CLINIC, str(person.clinic_id), len(due))
        return len(due)

    def _remove(self, person: Person, key: str, before: datetime, *, archives: bool) -> None:
        study = self._studies.get(person, key)
        patient_id = study.patient_id
        if archives and self._keep is not None:
            self._keep(person, key)
            self._audit.record(person, Action.ARCHIVED, Subject.STUDY, key)
        self._studies.remove(person, key)
        self._priors.delete_of([patient_id], before)
        left = select(Study.id).where(or_(Study.patient_id == patient_id, Study.merged_from_id == patient_id))
        is_last = self._session.scalar(left.limit(1)) is None
        if is_last and not OrderProgress(self._session).has_open(patient_id):
            OrderChanges(self._session, self._studies.report_changes).delete_of(patient_id)
            for patient in self._patients.by_ids(person, [patient_id]).values():
                self._patients.remove(person, patient)

    def _old(
        self, clinic_id: int, before: datetime, backup_at: datetime | None
    ) -> Iterator[tuple[OldStudy, KeptBack | None]]:
        """Walk over what is old, with what keeps it back."""
        unsent = exists().where(Dispatch.study_id == Study.id, Dispatch.state.in_(_UNSENT))
        not_held = true() if backup_at is None else _changed_since(backup_at)
        films = select(func.count()).where(FilmRecord.study_id == Study.id).scalar_subquery()
        query = (
            select(Study.key, Study.created_at, Study.status, unsent, not_held, films)
            .where(Study.clinic_id == clinic_id, Study.created_at < before, ~_changed_since(before))
            .order_by(Study.created_at, Study.id)
        )
        for key, since, status, is_unsent, is_not_held, count in self._session.execute(query):
            reasons = {
                KeptBack.NOT_READ: status == StudyStatus.WAITING,
                KeptBack.UNSENT: is_unsent,
                KeptBack.NO_BACKUP: is_not_held,
            }
            why = next((reason for reason, holds in reasons.items() if holds), None)
            yield OldStudy(key=key, since=since, films=count), why


def _changed_since(moment: datetime) -> ColumnElement[bool]:
    """Say that a study, or anything of it, is as new as a moment; a report beside its films too, whoever's it is."""
    read = exists().where(ReadingRecord.film_id == FilmRecord.id, ReadingRecord.created_at >= moment)
    item = exists().where(
        OtherObject.clinic_id == Study.clinic_id,
        OtherObject.study_uid == FilmRecord.study_uid,
        OtherObject.created_at >= moment,
    )
    film = exists().where(FilmRecord.study_id == Study.id, or_(FilmRecord.created_at >= moment, read, item))
    return or_(Study.created_at >= moment, func.coalesce(Study.changed_at, Study.created_at) >= moment, film)
