"""Queues whose jobs are done by the nodes of several clinics, each its own clinic's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, or_
from sqlalchemy.orm import Session

from lungwise.store import Clock
from lungwise.store.lease_queue import Leased, LeaseQueue

J = TypeVar("J", bound=Leased)

_ABANDONED = timedelta(days=1)
"""After so long a clinic has no node that does its jobs, and that of another one may end the wait."""


def may_claim(job: type[Leased], clinic: ScalarSelect[int]) -> ColumnElement[bool]:
    """Return the condition that a job is of the clinic of the node that claims, or that its own has none."""
    return or_(clinic == bindparam("clinic"), job.due_at <= bindparam("abandoned"))


class NodeQueue(LeaseQueue[J]):
    """A queue whose statements have `may_claim`.

    Parameters
    ----------
    clinic_id
        The clinic of the node that claims: only its own peers know its patients.
    """

    def __init__(self, session: Session, clock: Clock, lease: timedelta, clinic_id: int | None) -> None:
        super().__init__(session, clock, lease)
        self._clinic_id = clinic_id

    def bound(self, now: datetime) -> dict[str, object]:
        """Return what a node may claim."""
        return {"clinic": self._clinic_id, "abandoned": now - _ABANDONED}
