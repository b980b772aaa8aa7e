"""Which model reads here, and from when on. The settings say it; every clinic's audit trail holds each change."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinics
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.models import ModelInUse
from lungwise.reading.artefact import shipped_card
from lungwise.store import Clock

_SHOWN = 10


def current_model() -> Model:
    """Return the model that this process reads with."""
    card = shipped_card()
    return Model(name=card.name, version=card.version)


class ModelsInUse:
    """The models that have read here, one after the other."""

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail, clinics: Clinics) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._clinics = clinics

    def note(self) -> None:
        """Keep that the model of this process reads from now on, where another did before."""
        card = shipped_card()
        digest = card.hashes["onnx"] or ""
        last = self._session.scalar(select(ModelInUse).order_by(ModelInUse.id.desc()).limit(1).with_for_update())
        if last is not None and last.sha256 == digest:
            return
        self._session.add(ModelInUse(name=card.name, version=card.version, sha256=digest, since=self._clock()))
        self._session.flush()
        if last is not None:
            for clinic in self._clinics.all():
                operator = Person(None, "command line", clinic.id, Role.ADMINISTRATOR)
                self._audit.record(operator, Action.CHANGED, Subject.MODEL, digest[:20])

    def newest(self, person: Person) -> list[ModelInUse]:
        """List the last models, the one in use first."""
        person.need(Right.ADMINISTER)
        return list(self._session.scalars(select(ModelInUse).order_by(ModelInUse.id.desc()).limit(_SHOWN)))
