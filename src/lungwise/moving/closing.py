"""A clinic that is closed for writing: its queues pause, and it is opened again or removed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.closed_clinics import close_clinic, is_closed, open_clinic
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinic
from lungwise.moving.package import MoveError
from lungwise.moving.rows import PAUSED
from lungwise.moving.tables import CLINICS, TO_BE_SETTLED, is_of_clinic, states_of_queues, tables_of_clinic, to_itself
from lungwise.settings import Settings
from lungwise.store import Base, Clock, FilmStore, after_commit
from lungwise.store.facts import delete_fact, read_fact, save_fact
from lungwise.store.lease_queue import QUEUED
from lungwise.store.named_files import named_files

_ACCOUNTS = "users"
"""The table of accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A clinic, and whether it is closed; `receipt` says that it came from elsewhere."""

    name: str
    closed: bool
    receipt: str


def operator_of(clinic_id: int) -> Person:
    """Return who moves a clinic."""
    return Person(None, "command line", clinic_id, Role.ADMINISTRATOR)


def receipt_of(secret: str, package: str) -> str:
    """Return what only somebody can say who has opened a package."""
    return hmac.digest(bytes.fromhex(secret), f"receipt of {package}".encode(), "sha256").hex()[:40]


class Closing:
    """Closes clinics, opens them again, and removes those that have moved."""

    def __init__(self, session: Session, clock: Clock, audit: AuditTrail) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit

    def standings(self) -> list[Standing]:
        """List every clinic."""
        return [
            Standing(
                name=clinic.name,
                closed=is_closed(self._session, clinic.id),
                receipt=self.receipt(clinic.id)[1],
            )
            for clinic in self._session.scalars(select(Clinic).order_by(Clinic.name))
        ]

    def named(self, name: str) -> Clinic:
        """Return a clinic by its name."""
        found = self._session.scalar(select(Clinic).where(Clinic.name == name))
        if found is None:
            raise MoveError(f"There is no clinic {name}. See: lungwise clinics list")
        return found

    def close(self, name: str) -> int:
        """Close a clinic for writing, and pause its queues; return its number.

        Raises
        ------
        MoveError
            If something waits in it that would be lost by a move.
        """
        clinic = self.named(name)
        was_closed = is_closed(self._session, clinic.id)
        if not was_closed:
            self._audit.record(operator_of(clinic.id), Action.CLOSED, Subject.CLINIC, str(clinic.id))
            close_clinic(self._session, clinic.id, self._clock().isoformat())
        self._check_settled(clinic, was_closed=was_closed)  # the trail is locked: nothing is set aside from here on
        for queue, running in states_of_queues().items():
            self._put(queue, clinic.id, (QUEUED, running), PAUSED)
        return clinic.id

    def reopen(self, name: str) -> None:
        """Open a clinic again: what was exported is worth nothing as a receipt any more."""
        clinic = self.named(name)
        if not is_closed(self._session, clinic.id):
            raise MoveError(f"{name} is not closed.")
        for queue in states_of_queues():
            self._put(queue, clinic.id, (PAUSED,), QUEUED)
        open_clinic(self._session, clinic.id)
        delete_fact(self._session, _expected(clinic.id))
        self._audit.record(operator_of(clinic.id), Action.REOPENED, Subject.CLINIC, str(clinic.id))

    def expect(self, clinic_id: int, receipt: str) -> None:
        """Keep which receipt the target will give; not the receipt itself."""
        save_fact(self._session, _expected(clinic_id), _hash(receipt))

    def keep_receipt(self, clinic_id: int, package: str, receipt: str) -> None:
        """Keep at the target from which package a clinic came, and the receipt for it."""
        save_fact(self._session, _own(clinic_id), f"{package} {receipt}")

    def receipt(self, clinic_id: int) -> tuple[str, str]:
        """Return the package that a clinic came in, and the receipt for it; empty of one that began here."""
        package, _, receipt = read_fact(self._session, _own(clinic_id)).partition(" ")
        return package, receipt

    def remove(self, name: str, receipt: str | None, store: FilmStore, settings: Settings) -> int:
        """Delete everything of a clinic that has moved, and return how many films that were; its audit entries stay.

        Without a receipt only a clinic is removed that has nothing.

        It stays closed: a node or a listener that was started before acts for its number until it is stopped.

        Raises
        ------
        MoveError
            If it is not closed, a setting names it, or the receipt is not that of its last export.
        """
        clinic = self.named(name)
        if receipt is None:
            self._check_empty(clinic)
        else:
            self._check_receipt(clinic, receipt)
        self._check_unnamed(clinic, settings)
        clinic_id, folders = clinic.id, sorted({folder for folder, _name in named_files(self._session, clinic.id)})
        films = sum(1 for _film in named_files(self._session, clinic_id))
        self._session.expunge_all()
        for one in reversed(tables_of_clinic()):
            mine = is_of_clinic(one, clinic_id)
            for own in to_itself(one):  # MariaDB checks each row as it goes
                self._session.execute(update(one).where(mine).values({own.name: None}))
            self._session.execute(delete(one).where(mine))
        for fact in (_expected(clinic_id), _own(clinic_id)):
            delete_fact(self._session, fact)
        self._audit.record(operator_of(clinic_id), Action.REMOVED, Subject.CLINIC, str(clinic_id))
        after_commit(self._session, partial(_delete_all, store.delete, folders))
        return films

    def _check_settled(self, clinic: Clinic, *, was_closed: bool) -> None:
        for name, (state, sentence) in TO_BE_SETTLED.items():
            table = Base.metadata.tables[name]
            waits = is_of_clinic(table, clinic.id), table.c.state == state
            if count := self._session.scalar(select(func.count()).select_from(table).where(*waits)):
                first = f" Before that: lungwise clinics reopen {clinic.name}." if was_closed else ""
                raise MoveError(f"{count} {sentence.format(clinic=clinic.name)}; then export again.{first}")

    def _check_empty(self, clinic: Clinic) -> None:
        """Require that nothing is a clinic's; the row of an account that was deleted says of nobody any more."""
        close_clinic(self._session, clinic.id, self._clock().isoformat())
        found = []
        for table in tables_of_clinic():
            rows = select(table.c[0]).where(is_of_clinic(table, clinic.id))
            if table.name == _ACCOUNTS:
                rows = rows.where(table.c.deleted_at.is_(None))
            if table.name != CLINICS and self._session.execute(rows.limit(1)).first():
                found.append("accounts" if table.name == _ACCOUNTS else table.name.replace("_", " "))
        if found:
            raise MoveError(
                f"{clinic.name} is not empty: it has {', '.join(found)}. A clinic that has moved is removed with the "
                "receipt for it: --receipt. An account is deleted with: lungwise users delete"
            )

    def _check_receipt(self, clinic: Clinic, receipt: str) -> None:
        expected = read_fact(self._session, _expected(clinic.id))
        if not is_closed(self._session, clinic.id) or not expected:
            raise MoveError(f"{clinic.name} has not been exported. Begin with: lungwise clinics export")
        if not hmac.compare_digest(expected, _hash(receipt.strip())):
            raise MoveError(
                "This is not the receipt for the last package of this clinic. The command lungwise clinics import "
                "printed it; lungwise clinics list --json says it again there."
            )

    def _check_unnamed(self, clinic: Clinic, settings: Settings) -> None:
        if naming := settings.settings_naming(clinic.name):
            raise MoveError(
                f"This clinic is named in the settings ({', '.join(naming)}). Take it out of them first, and "
                "restart what was started with them."
            )

    def _put(self, queue: str, clinic_id: int, states: tuple[str, ...], state: str) -> None:
        jobs = Base.metadata.tables[queue]
        mine = is_of_clinic(jobs, clinic_id), jobs.c.state.in_(states)
        self._session.execute(update(jobs).where(*mine).values(state=state, claim=""))


def _delete_all(delete_folder: Callable[[str], None], folders: list[str]) -> None:
    for folder in folders:
        delete_folder(folder)


def _hash(receipt: str) -> str:
    return hashlib.sha256(receipt.encode()).hexdigest()


def _expected(clinic_id: int) -> str:
    return f"clinic {clinic_id} receipt expected"


def _own(clinic_id: int) -> str:
    return f"clinic {clinic_id} came with"
